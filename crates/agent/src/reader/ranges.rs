//! Link attributes with more values than a controller gives at once ([MS-ADTS] 3.1.1.3.1.3.3).
//!
//! [`RangedSet`] says what to ask for next, and knows no connection.

use super::attributes::is_back_link;
use crate::controller::Controller;
use crate::ldap::{Entry, LdapError};
use lockstep_ad_proto::ldap::{Control, ExtendedDn, RangeEnd, attribute_range};
use lockstep_api::channel::LinkTarget;
use lockstep_model::Guid;

/// How often a set is read again when it changed meanwhile.
const ATTEMPTS: usize = 5;

/// A set of links on its way, range by range.
///
/// Positions shift when a value is removed, so a set counts only when the object's uSNChanged is the same
/// before and after. Who links to an object changes without that number: such a set counts when it was read
/// twice and was the same.
#[derive(Debug, Default)]
pub struct RangedSet {
    state: State,
    attempts: usize,
    read: Vec<LinkTarget>,
    /// What was read before, where that has to be the same.
    earlier: Option<Vec<LinkTarget>>,
    is_back_link: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Begun,
    Reading {
        before: Option<String>,
        first: u32,
    },
    Read {
        before: Option<String>,
    },
    Whole,
    NeverStill,
}

/// What comes next of a set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// Ask for the object's uSNChanged, and give it to [`RangedSet::usn_changed`].
    UsnChanged,
    /// Ask for the values from this position on, and give them to [`RangedSet::range`].
    Range {
        /// The position, counted from 0.
        first: u32,
    },
    /// These are all values.
    Whole(Vec<LinkTarget>),
    /// The object changed each time it was read.
    NeverStill,
}

impl RangedSet {
    /// The values of an attribute, by its name in lower case.
    #[must_use]
    pub fn of(attribute: &str) -> Self {
        Self {
            is_back_link: is_back_link(attribute),
            ..Self::default()
        }
    }

    /// What to ask for now, or what came of it.
    pub fn to_do(&mut self) -> Next {
        match &self.state {
            State::Begun | State::Read { .. } => Next::UsnChanged,
            State::Reading { first, .. } => Next::Range { first: *first },
            State::Whole => Next::Whole(std::mem::take(&mut self.read)),
            State::NeverStill => Next::NeverStill,
        }
    }

    /// The object's uSNChanged, as it was asked for.
    pub fn usn_changed(&mut self, now: Option<String>) {
        self.state = match std::mem::take(&mut self.state) {
            State::Read { before } if before == now && self.is_confirmed() => State::Whole,
            State::Read { .. } if self.attempts + 1 == ATTEMPTS => State::NeverStill,
            State::Read { .. } => {
                self.attempts += 1;
                let read = std::mem::take(&mut self.read);
                self.earlier = self.is_back_link.then_some(read);
                State::reading(now)
            }
            State::Begun => State::reading(now),
            other => other,
        };
    }

    fn is_confirmed(&self) -> bool {
        !self.is_back_link || self.earlier.as_ref() == Some(&self.read)
    }

    /// The values that were asked for, and where they end; none: there are none from there on.
    pub fn range(&mut self, range: Option<(RangeEnd, Vec<LinkTarget>)>) {
        let State::Reading { before, first } = &mut self.state else {
            return;
        };
        match range {
            Some((RangeEnd::At(last), values)) if !values.is_empty() => {
                self.read.extend(values);
                *first = last + 1;
            }
            rest => {
                self.read
                    .extend(rest.into_iter().flat_map(|(_, values)| values));
                self.state = State::Read {
                    before: before.take(),
                };
            }
        }
    }
}

impl State {
    const fn reading(before: Option<String>) -> Self {
        Self::Reading { before, first: 0 }
    }
}

/// Reads all values of a link attribute, range by range.
pub(super) async fn read_whole(
    controller: &mut Controller,
    guid: Guid,
    attribute: &str,
) -> Result<Vec<LinkTarget>, LdapError> {
    let mut set = RangedSet::of(attribute);
    loop {
        match set.to_do() {
            Next::UsnChanged => set.usn_changed(usn(controller, guid).await?),
            Next::Range { first } => set.range(range(controller, guid, attribute, first).await?),
            Next::Whole(targets) => return Ok(targets),
            Next::NeverStill => {
                return Err(LdapError::Lacking {
                    server: controller.connection.server().to_owned(),
                    what: format!("a moment in which the {attribute} of {guid} does not change"),
                });
            }
        }
    }
}

async fn usn(controller: &mut Controller, guid: Guid) -> Result<Option<String>, LdapError> {
    let entry = read(controller, guid, "uSNChanged").await?;
    Ok(entry.and_then(|entry| entry.text("uSNChanged").map(str::to_owned)))
}

async fn range(
    controller: &mut Controller,
    guid: Guid,
    attribute: &str,
    first: u32,
) -> Result<Option<(RangeEnd, Vec<LinkTarget>)>, LdapError> {
    let entry = read(controller, guid, &format!("{attribute};range={first}-*")).await?;
    let Some((end, values)) = entry.as_ref().and_then(|entry| ranged(entry, attribute)) else {
        return Ok(None);
    };
    let values = values.iter().map(|value| target(controller, value));
    Ok(Some((end, values.collect::<Result<_, _>>()?)))
}

/// The range of an attribute that an answer holds.
fn ranged<'a>(entry: &'a Entry, attribute: &str) -> Option<(RangeEnd, &'a [Vec<u8>])> {
    entry.attributes.iter().find_map(|(name, values)| {
        let (base, range) = attribute_range(name);
        let end = range.map_or(RangeEnd::Last, |(_, end)| end);
        base.eq_ignore_ascii_case(attribute)
            .then_some((end, values.as_slice()))
    })
}

fn target(controller: &Controller, value: &[u8]) -> Result<LinkTarget, LdapError> {
    let name = std::str::from_utf8(value)
        .ok()
        .and_then(|text| ExtendedDn::parse(text).ok());
    let name = name.ok_or_else(|| LdapError::Lacking {
        server: controller.connection.server().to_owned(),
        what: "the GUID of a link".into(),
    })?;
    Ok(super::entry::link_target(&name))
}

async fn read(
    controller: &mut Controller,
    guid: Guid,
    attribute: &str,
) -> Result<Option<Entry>, LdapError> {
    let base = format!("<GUID={guid}>");
    let controls = [Control::ShowDeleted, Control::ExtendedDn];
    controller
        .connection
        .read(&base, &[attribute], &controls, "read a large group")
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(numbers: &[u8]) -> Vec<LinkTarget> {
        let target = |number: &u8| LinkTarget {
            guid: Guid::from_bytes([*number; 16]),
            foreign_sid: None,
        };
        numbers.iter().map(target).collect()
    }

    /// Reads a set of which a controller gives two values at once; `changes` happen after so many questions.
    fn read(attribute: &str, mut held: Vec<u8>, mut changes: Vec<(u32, u8)>) -> Next {
        let (mut usn, mut asked) = (1, 0);
        let mut set = RangedSet::of(attribute);
        loop {
            if let Some((_, gone)) = changes.pop_if(|(after, _)| *after == asked) {
                held.retain(|value| *value != gone);
                usn += u32::from(!set.is_back_link);
            }
            asked += 1;
            match set.to_do() {
                Next::UsnChanged => set.usn_changed(Some(usn.to_string())),
                Next::Range { first } => {
                    let from = usize::try_from(first).unwrap();
                    let rest = held.get(from..).unwrap_or_default();
                    let (now, later) = rest.split_at(rest.len().min(2));
                    let end = match later.is_empty() {
                        true => RangeEnd::Last,
                        false => RangeEnd::At(first + 1),
                    };
                    set.range((!now.is_empty()).then(|| (end, targets(now))));
                }
                end => return end,
            }
        }
    }

    #[test]
    fn h21_a_set_that_changes_while_it_is_read_is_read_again() {
        for (held, changes, expected) in [
            (vec![], vec![], vec![]),
            (vec![1, 2], vec![], vec![1, 2]),
            (vec![1, 2, 3, 4, 5], vec![], vec![1, 2, 3, 4, 5]),
            // Behind the first range, 3 would fall in between.
            (vec![1, 2, 3, 4, 5], vec![(2, 1)], vec![2, 3, 4, 5]),
            (vec![1, 2, 3, 4, 5], vec![(4, 5)], vec![1, 2, 3, 4]),
        ] {
            for attribute in ["member", "memberof"] {
                let read = read(attribute, held.clone(), changes.clone());
                assert_eq!(read, Next::Whole(targets(&expected)), "{attribute}");
            }
        }
    }

    #[test]
    fn h21_a_set_that_never_stands_still_is_not_believed() {
        let changes = (1..60)
            .rev()
            .map(|after| (after, u8::try_from(after).unwrap()));
        let read = read("member", (1..60).collect(), changes.collect());
        assert_eq!(read, Next::NeverStill);
    }
}
