//! Values that must not be seen.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password, hash, key or token: erased when dropped, without `Display`, and with a `Debug` that
/// says only that it is one.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the value. Each call is a place where a secret could leak, hence the loud name.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Lends the value to be written. As loud as [`Secret::expose`].
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_show_the_value() {
        assert_eq!(
            format!("{:?}", Secret::new(String::from("hunter2"))),
            "[secret]"
        );
    }
}
