//! Random numbers from a seed, which comes in as a value.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};

/// An endless row of random numbers: the key stream of ChaCha20 (RFC 8439).
pub(super) struct Random(ChaCha20);

impl Random {
    /// The row for a seed and a place in the expression. Other places have other rows.
    pub(super) fn new(seed: &[u8; 32], place: usize) -> Self {
        let mut nonce = [0; 12];
        for (byte, of_place) in nonce.iter_mut().zip(place.to_le_bytes()) {
            *byte = of_place;
        }
        Self(ChaCha20::new(seed.into(), &nonce.into()))
    }

    /// The next bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.apply_keystream(&mut bytes);
        bytes
    }

    /// A number below `bound`, each as likely as any other; zero if there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let Ok(bound) = u32::try_from(bound) else {
            return 0;
        };
        if bound == 0 {
            return 0;
        }
        // Numbers of the last, incomplete row would make small ones more likely.
        let fair = u32::MAX - u32::MAX % bound;
        loop {
            let number = u32::from_le_bytes(self.bytes());
            if number < fair {
                return usize::try_from(number % bound).unwrap_or(0);
            }
        }
    }

    /// Puts the items into any order, each as likely as any other.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_about_as_likely() {
        let mut random = Random::new(&[1; 32], 0);
        let mut counts = [0; 7];
        for _ in 0..7_000 {
            counts[random.below(7)] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }

    #[test]
    fn every_order_is_about_as_likely() {
        let mut random = Random::new(&[2; 32], 0);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut items = [1, 2, 3];
            random.shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(
            counts.values().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
    }
}
