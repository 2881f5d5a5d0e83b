//! Changes of the domain, one by one.

use super::*;

impl Maker {
    pub(super) fn change(&mut self) {
        if self.passwords && self.random.chance(20) {
            if let Some(change) = self.password_change() {
                self.ad(change);
            }
            return;
        }
        let change = match self.random.below(30) {
            0..6 => {
                self.create_something();
                return;
            }
            6..12 => self.set(),
            12..15 => self.place(),
            15..21 => self.link(),
            21..24 => self.anybody().map(|label| Change::Delete { label }),
            24 => {
                let parent = self.unit();
                let label = self.anybody();
                label.map(|label| Change::Undelete { label, parent })
            }
            25 => self.of_a_unit(),
            26 => self
                .person()
                .zip(self.group())
                .map(|(user, group)| Change::MakePrimary { user, group }),
            27 => {
                let (one, other) = (self.person(), self.person());
                one.zip(other)
                    .map(|(one, other)| Change::SwapNames { one, other })
            }
            28 => {
                let of = match self.random.chance(50) {
                    true => Some(Label(1_000 + self.random.below(50))),
                    false => self.anybody(),
                };
                let label = self.anybody();
                label
                    .zip(of)
                    .map(|(label, of)| Change::SetAnchor { label, of })
            }
            _ => self.anybody().map(|label| {
                let name = match self.random.chance(20) {
                    true => format!("x\nCNF:{}", label.0),
                    false => format!("name{}", self.random.below(1_000)),
                };
                Change::Rename { label, name }
            }),
        };
        if let Some(change) = change {
            self.ad(change);
        }
    }

    pub(super) fn set(&mut self) -> Option<Change> {
        let label = self.anybody()?;
        Some(self.set_of(label))
    }

    pub(super) fn set_of(&mut self, label: Label) -> Change {
        let chosen = self.random.pick(&ATTRIBUTES).copied();
        let (attribute, values) = chosen.unwrap_or(("title", &[]));
        let clear = self.random.chance(25);
        let values = self.random.pick(values).filter(|_| !clear);
        Change::Set {
            label,
            attribute,
            values: values
                .into_iter()
                .map(|value| (*value).to_owned())
                .collect(),
        }
    }

    pub(super) fn place(&mut self) -> Option<Change> {
        let parent = match self.random.chance(20) {
            true => WELL_KNOWN.head,
            false => self.unit(),
        };
        Some(Change::Move {
            label: self.anybody()?,
            parent,
        })
    }

    pub(super) fn link(&mut self) -> Option<Change> {
        let (source, attribute, target) = match self.random.below(6) {
            0 => (self.person()?, "manager", self.person()?),
            1 => (self.group()?, "managedby", self.person()?),
            _ => (self.group()?, "member", self.anybody()?),
        };
        Some(match self.random.chance(65) {
            true => Change::Link {
                source,
                attribute,
                target,
            },
            false => Change::Unlink {
                source,
                attribute,
                target,
            },
        })
    }

    pub(super) fn of_a_unit(&mut self) -> Option<Change> {
        let label = self
            .units
            .get(1..)
            .and_then(|units| self.random.pick(units))
            .copied()?;
        Some(match self.random.below(5) {
            0 => Change::Delete { label },
            1 | 2 => Change::Rename {
                label,
                name: format!("unit-{}", self.random.below(1_000)),
            },
            3 => Change::Undelete {
                label,
                parent: WELL_KNOWN.head,
            },
            _ => Change::Move {
                label,
                parent: self.unit(),
            },
        })
    }
}
