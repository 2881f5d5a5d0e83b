//! Stories of passwords.

use super::*;

impl Maker {
    pub(super) fn wanted_passwords(&mut self) -> Passwords {
        if !self.passwords {
            return Passwords::Off;
        }
        match self.random.below(10) {
            0 => Passwords::Off,
            1 | 2 => Passwords::AlsoTemporary,
            _ => Passwords::Lasting,
        }
    }

    pub(super) fn password_change(&mut self) -> Option<Change> {
        let label = self.person()?;
        Some(match self.random.below(4) {
            0 => Change::Demand {
                label,
                must: self.random.chance(40),
            },
            _ => self.password_of(label),
        })
    }

    fn password_of(&mut self, label: Label) -> Change {
        Change::Password {
            label,
            temporary: self.random.chance(25),
        }
    }

    fn another_password(&mut self, label: Label) {
        self.ad(Change::Password {
            label,
            temporary: false,
        });
    }

    pub(super) fn password_episode(&mut self) {
        let Some(label) = self.person() else { return };
        match self.random.below(7) {
            0 => self.reset_by_the_help_desk(label),
            1 => self.changed_while_away(label),
            2 => self.read_from_who_lags(label),
            3 => self.typed_too_early(label),
            4 => self.reset_there(label),
            5 => self.let_go_and_taken_up(label),
            _ => self.changed_again_and_again(label),
        }
    }

    /// A password that must be changed first; then it need not be, or another one is chosen.
    fn reset_by_the_help_desk(&mut self, label: Label) {
        self.ad(Change::Password {
            label,
            temporary: true,
        });
        self.cycle();
        match self.random.chance(60) {
            true => self.ad(Change::Demand { label, must: false }),
            false => self.another_password(label),
        }
        self.cycle();
    }

    /// Out of scope, or in the recycle bin, somebody gets another password, and comes back.
    fn changed_while_away(&mut self, label: Label) {
        let parent = self.unit();
        self.cycle();
        let deleted = self.random.chance(30);
        self.ad(match deleted {
            true => Change::Delete { label },
            false => Change::Move {
                label,
                parent: WELL_KNOWN.head,
            },
        });
        self.cycle();
        if !deleted {
            self.another_password(label);
            self.cycle();
        }
        self.ad(match deleted {
            true => Change::Undelete { label, parent },
            false => Change::Move { label, parent },
        });
        if deleted {
            self.another_password(label);
        }
        self.cycle();
    }

    /// The controller with the newest passwords goes down, and all is read from another.
    fn read_from_who_lags(&mut self, label: Label) {
        if self.controllers < 2 {
            return;
        }
        self.another_password(label);
        self.replicate();
        self.another_password(label);
        self.cycle();
        self.steps.push(Step::ControllerDown(0));
        if self.random.chance(60) {
            self.restart();
        }
        if self.random.chance(50) {
            self.ad(Change::Demand { label, must: true });
        }
        self.cycle();
        self.steps.push(Step::ControllerUp(0));
        self.cycle();
    }

    /// Somebody signs in while another password is on its way.
    fn typed_too_early(&mut self, label: Label) {
        self.cycle();
        self.steps.push(Step::SignIn(label));
        self.another_password(label);
        self.cycle();
        self.steps.push(Step::SignedIn);
        if self.random.chance(50) {
            self.restart();
            self.cycle();
        }
    }

    /// A password that was set in the cloud stays until Active Directory has another.
    fn reset_there(&mut self, label: Label) {
        self.cycle();
        self.steps.push(Step::ResetInCloud(label));
        if self.random.chance(60) {
            self.restart();
        }
        self.cycle();
        if self.random.chance(50) {
            self.another_password(label);
            self.cycle();
        }
    }

    /// Passwords are not wanted for a while.
    fn let_go_and_taken_up(&mut self, label: Label) {
        for passwords in [Passwords::Off, Passwords::Lasting] {
            let wishes = Wishes {
                passwords,
                ..self.wishes()
            };
            self.steps.push(Step::Admin(Admin::Configure(wishes)));
            self.settle();
            self.another_password(label);
            self.cycle();
        }
    }

    /// Passwords change while they are read, and requests come late.
    fn changed_again_and_again(&mut self, label: Label) {
        self.another_password(label);
        self.wake();
        for _ in 0..1 + self.random.below(3) {
            self.turns();
            if self.random.chance(40) {
                let after = 1 + self.random.below(12);
                self.steps.push(Step::Network(NetworkFault::Late { after }));
            }
            let change = self.password_of(label);
            self.ad(change);
        }
        self.settle();
        self.steps.push(Step::LateArrive);
        self.cycle();
    }
}
