//! How long to wait before the next try: 1 s, doubling to 30 s, each shortened at random by up to a
//! quarter, so that a thousand agents do not come back in the same second.

use std::time::Duration;

/// Waiting times, one after another.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// How long to wait now.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        shorten(wait, random_byte())
    }

    /// Waits.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next_wait()).await;
    }

    /// It went well: begin anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

fn shorten(wait: Duration, random: u8) -> Duration {
    wait - wait * u32::from(random) / (255 * 4)
}

fn random_byte() -> u8 {
    let mut byte = [0];
    // Without random numbers the agent waits the full time.
    match getrandom::fill(&mut byte) {
        Ok(()) => byte[0],
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_from_one_second_to_thirty() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7).map(|_| backoff.next_wait()).collect();
        for (wait, most) in waits.iter().zip([1, 2, 4, 8, 16, 30, 30]) {
            let most = Duration::from_secs(most);
            assert!(*wait <= most && *wait >= most * 3 / 4, "{wait:?} {most:?}");
        }
    }
}
