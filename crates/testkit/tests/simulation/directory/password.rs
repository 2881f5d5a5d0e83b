//! Passwords: each is a number of its own, greater than those before it.

use super::{Label, SimulatedDirectory};
use std::collections::BTreeSet;

/// The passwords that there ever were, in Active Directory and in the cloud.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passwords {
    last: u32,
    /// Those that at some time need not be changed first.
    lasting: BTreeSet<u32>,
}

impl Passwords {
    /// A new one.
    pub(crate) fn made(&mut self, temporary: bool) -> u32 {
        self.last += 1;
        if !temporary {
            self.lasting.insert(self.last);
        }
        self.last
    }

    /// Whether it was never more than a password that must be changed first.
    pub(crate) fn was_always_temporary(&self, number: u32) -> bool {
        !self.lasting.contains(&number)
    }
}

impl SimulatedDirectory {
    pub(super) fn set_password(&mut self, label: Label, temporary: bool) -> bool {
        if !self.is_person(label) {
            return false;
        }
        let number = self.passwords.made(temporary);
        self.set(label, "unicodepwd", vec![number.to_be_bytes().to_vec()]);
        self.set_last_set(label, temporary);
        true
    }

    pub(super) fn set_must_change(&mut self, label: Label, must: bool) -> bool {
        if !self.is_person(label) {
            return false;
        }
        let number = self.alive(label).and_then(super::Entry::password);
        if let Some(number) = number.filter(|_| !must) {
            self.passwords.lasting.insert(number);
        }
        self.set_last_set(label, must)
    }

    fn set_last_set(&mut self, label: Label, must: bool) -> bool {
        let value = match must {
            true => 0,
            false => self.writer().highest_usn(),
        };
        self.set(label, "pwdlastset", vec![value.to_string().into_bytes()])
    }

    fn is_person(&self, label: Label) -> bool {
        self.alive(label)
            .is_some_and(|entry| entry.class.is_person())
    }
}
