//! What administrators do to a domain.

use super::entry::{Class, Entry, Label, PROXIED, Stamp, Stamped, WELL_KNOWN};
use super::{DOMAIN, SimulatedDirectory};
use lockstep_model::Guid;
use std::collections::BTreeMap;

/// A change of the domain. One that is impossible at its time changes nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Create {
        label: Label,
        class: Class,
        parent: Label,
    },
    /// No values: the attribute is cleared.
    Set {
        label: Label,
        attribute: &'static str,
        values: Vec<String>,
    },
    /// ms-DS-ConsistencyGuid gets the GUID of another object, or its own.
    SetAnchor {
        label: Label,
        of: Label,
    },
    Rename {
        label: Label,
        name: String,
    },
    Move {
        label: Label,
        parent: Label,
    },
    Link {
        source: Label,
        attribute: &'static str,
        target: Label,
    },
    Unlink {
        source: Label,
        attribute: &'static str,
        target: Label,
    },
    /// A group that the user is a member of becomes the primary one.
    MakePrimary {
        user: Label,
        group: Label,
    },
    /// With everything below it, the innermost first.
    Delete {
        label: Label,
    },
    Undelete {
        label: Label,
        parent: Label,
    },
    /// It moves to another domain of the forest.
    Leave {
        label: Label,
    },
    /// It moves back, with the same GUID and as a new object.
    Return {
        label: Label,
        parent: Label,
    },
    /// Two users swap userPrincipalNames.
    SwapNames {
        one: Label,
        other: Label,
    },
    /// Gets a new password, which perhaps must be changed at the next sign-in.
    Password {
        label: Label,
        temporary: bool,
    },
    /// The password must be changed at the next sign-in, or need not be any more.
    Demand {
        label: Label,
        must: bool,
    },
}

/// What a tombstone keeps where there is no recycle bin.
const PRESERVED: [&str; 4] = ["samaccountname", "grouptype", "useraccountcontrol", PROXIED];
/// Labels of proxies begin here.
const PROXIES: u32 = 1_000_000;

impl SimulatedDirectory {
    /// What every domain has from the beginning.
    pub(super) fn found(&mut self) {
        self.create(WELL_KNOWN.head, Class::Head, None);
        let head = Some(WELL_KNOWN.head.guid());
        self.create(WELL_KNOWN.users, Class::Container, head);
        self.create(
            WELL_KNOWN.domain_users,
            Class::SecurityGroup,
            Some(WELL_KNOWN.users.guid()),
        );
        let critical = vec![b"TRUE".to_vec()];
        self.set(WELL_KNOWN.domain_users, "iscriticalsystemobject", critical);
    }

    /// Makes a change on the writer. Says whether it was possible.
    pub(crate) fn change(&mut self, change: &Change) -> bool {
        if !self.writer().up {
            return false;
        }
        // No two changes of a domain are made in the same second.
        self.changes += 1;
        self.writer_mut().clock = self.now / 1_000 + self.changes;
        match change {
            Change::Create {
                label,
                class,
                parent,
            } => {
                let fits = self.is_container(*parent) && !self.exists(*label);
                if fits {
                    self.create(*label, *class, Some(parent.guid()));
                }
                fits
            }
            Change::Set {
                label,
                attribute,
                values,
            } => {
                let values = values.iter().map(|value| value.clone().into_bytes());
                self.is_alive(*label) && self.set(*label, attribute, values.collect())
            }
            Change::SetAnchor { label, of } => {
                let value = of.guid().to_wire().to_vec();
                self.is_alive(*label) && self.set(*label, "ms-ds-consistencyguid", vec![value])
            }
            Change::Rename { label, name } => {
                let parent = self.alive(*label).and_then(Entry::parent);
                parent.is_some() && self.place(*label, name.clone(), parent)
            }
            Change::Move { label, parent } => self.move_to(*label, *parent),
            Change::Link {
                source,
                attribute,
                target,
            } => self.link(*source, attribute, *target),
            Change::Unlink {
                source,
                attribute,
                target,
            } => {
                // A link to somebody who is away is another story.
                let there = !self.away.contains_key(target);
                there && self.is_alive(*source) && self.set_link(*source, attribute, *target, false)
            }
            Change::MakePrimary { user, group } => self.make_primary(*user, *group),
            Change::Delete { label } => *label != WELL_KNOWN.head && self.delete(label.guid()),
            Change::Undelete { label, parent } => self.undelete(*label, *parent),
            Change::Leave { label } => self.leave(*label),
            Change::Return { label, parent } => self.return_to(*label, *parent),
            Change::SwapNames { one, other } => self.swap_names(*one, *other),
            Change::Password { label, temporary } => self.set_password(*label, *temporary),
            Change::Demand { label, must } => self.set_must_change(*label, *must),
        }
    }

    pub(super) fn alive(&self, label: Label) -> Option<&Entry> {
        let entry = self.writer().entries.get(&label.guid());
        entry.filter(|entry| !entry.is_deleted())
    }

    fn is_alive(&self, label: Label) -> bool {
        self.alive(label).is_some()
    }

    fn exists(&self, label: Label) -> bool {
        self.writer().entries.contains_key(&label.guid())
    }

    fn is_container(&self, label: Label) -> bool {
        self.alive(label)
            .is_some_and(|entry| entry.class.holds_others())
    }

    fn create(&mut self, label: Label, class: Class, parent: Option<Guid>) {
        let stamp = self.writer_mut().stamp(1);
        let password_value = |number: u32, stamp| Stamped {
            value: vec![number.to_be_bytes().to_vec()],
            stamp,
        };
        let word = class.word(label);
        let text = |value: &str| Stamped {
            value: vec![value.as_bytes().to_vec()],
            stamp,
        };
        let mut attributes: BTreeMap<&'static str, Stamped<Vec<Vec<u8>>>> = BTreeMap::new();
        if class.has_sid() {
            attributes.insert("samaccountname", text(&word));
        }
        if class.is_person() {
            attributes.insert("userprincipalname", text(&format!("{word}@{DOMAIN}")));
            attributes.insert("useraccountcontrol", text("512"));
            attributes.insert("primarygroupid", text("513"));
            attributes.insert("displayname", text(&word));
            attributes.insert("accountexpires", text("0"));
            // Some are made first and get a password later.
            let password = match label.0 % 5 {
                0 => None,
                _ => Some(self.passwords.made(false)),
            };
            attributes.insert(
                "pwdlastset",
                text(if password.is_some() { "1" } else { "0" }),
            );
            attributes.extend(password.map(|number| ("unicodepwd", password_value(number, stamp))));
        }
        if class == Class::Computer {
            attributes.insert("useraccountcontrol", text("4096"));
            let number = self.passwords.made(false);
            attributes.insert("unicodepwd", password_value(number, stamp));
        }
        match class {
            Class::SecurityGroup => attributes.insert("grouptype", text("-2147483646")),
            Class::DistributionGroup => attributes.insert("grouptype", text("2")),
            _ => None,
        };
        if matches!(class, Class::DistributionGroup | Class::Contact) {
            attributes.insert("mail", text(&format!("{word}@{DOMAIN}")));
        }
        let entry = Entry {
            guid: label.guid(),
            label,
            class,
            created: stamp,
            place: Stamped {
                value: (word, parent),
                stamp,
            },
            deleted: None,
            deleted_at: 0,
            attributes,
            links: BTreeMap::new(),
            unlinked: 0,
        };
        self.writer_mut().entries.insert(label.guid(), entry);
    }

    pub(super) fn set(
        &mut self,
        label: Label,
        attribute: &'static str,
        values: Vec<Vec<u8>>,
    ) -> bool {
        let guid = label.guid();
        let before = self
            .writer()
            .entries
            .get(&guid)
            .and_then(|entry| entry.attributes.get(attribute));
        // A value that is set as it was is no change; nor is clearing what is empty.
        let same = before.map_or(&[][..], |before| before.value.as_slice());
        if same == values.as_slice() {
            return false;
        }
        let version = before.map_or(1, |before| before.stamp.version + 1);
        let stamp = self.writer_mut().stamp(version);
        if let Some(entry) = self.writer_mut().entries.get_mut(&guid) {
            let value = Stamped {
                value: values,
                stamp,
            };
            entry.attributes.insert(attribute, value);
        }
        true
    }

    fn place(&mut self, label: Label, name: String, parent: Option<Guid>) -> bool {
        let guid = label.guid();
        let Some(before) = self.writer().entries.get(&guid) else {
            return false;
        };
        let version = before.place.stamp.version + 1;
        if before.place.value == (name.clone(), parent) {
            return false;
        }
        let stamp = self.writer_mut().stamp(version);
        if let Some(entry) = self.writer_mut().entries.get_mut(&guid) {
            entry.place = Stamped {
                value: (name, parent),
                stamp,
            };
        }
        true
    }

    fn move_to(&mut self, label: Label, parent: Label) -> bool {
        if !self.is_container(parent) || label == WELL_KNOWN.head {
            return false;
        }
        let Some(entry) = self.alive(label) else {
            return false;
        };
        // Nothing can lie in itself.
        let mut above = Some(parent.guid());
        while let Some(guid) = above {
            if guid == label.guid() {
                return false;
            }
            above = self.writer().entries.get(&guid).and_then(Entry::parent);
        }
        let name = entry.name().to_owned();
        self.place(label, name, Some(parent.guid()))
    }

    fn link(&mut self, source: Label, attribute: &'static str, target: Label) -> bool {
        let (Some(holder), true) = (self.alive(source), self.is_alive(target)) else {
            return false;
        };
        let fits = match attribute {
            "manager" => holder.class.is_person() || holder.class == Class::Contact,
            _ => holder.class.is_group(),
        };
        if !fits || (attribute == "manager" && source == target) {
            return false;
        }
        let single = attribute != "member";
        let others: Vec<Guid> = holder
            .links
            .iter()
            .filter(|((name, guid), link)| {
                *name == attribute && link.value && *guid != target.guid()
            })
            .map(|((_, guid), _)| *guid)
            .collect();
        if single {
            for other in others {
                self.set_link_to(source, attribute, other, false);
            }
        }
        self.set_link(source, attribute, target, true)
    }

    fn set_link(
        &mut self,
        source: Label,
        attribute: &'static str,
        target: Label,
        present: bool,
    ) -> bool {
        self.set_link_to(source, attribute, target.guid(), present)
    }

    fn set_link_to(
        &mut self,
        source: Label,
        attribute: &'static str,
        target: Guid,
        present: bool,
    ) -> bool {
        let guid = source.guid();
        let before = self
            .writer()
            .entries
            .get(&guid)
            .and_then(|entry| entry.links.get(&(attribute, target)));
        if before.is_some_and(|before| before.value) == present {
            return false;
        }
        // A link that went with its object and is made anew must win over what others still have of it.
        let version =
            before.map_or(self.writer().highest_usn(), |b| u64::from(b.stamp.version)) + 1;
        let stamp = self
            .writer_mut()
            .stamp(u32::try_from(version).unwrap_or(u32::MAX));
        if let Some(entry) = self.writer_mut().entries.get_mut(&guid) {
            let value = Stamped {
                value: present,
                stamp,
            };
            entry.links.insert((attribute, target), value);
        }
        true
    }

    /// Active Directory takes the user out of the group's members, and makes a member of the group that was
    /// primary before: three objects change.
    fn make_primary(&mut self, user: Label, group: Label) -> bool {
        let (Some(person), Some(holder)) = (self.alive(user), self.alive(group)) else {
            return false;
        };
        if !person.class.is_person()
            || holder.class != Class::SecurityGroup
            || !holder.links_to("member", user.guid())
        {
            return false;
        }
        let old = person.text("primarygroupid").unwrap_or("513").to_owned();
        let old = self
            .writer()
            .entries
            .values()
            .find(|entry| entry.label.rid().to_string() == old && entry.class.is_group())
            .map(|entry| entry.label);
        let rid = group.rid().to_string().into_bytes();
        self.set(user, "primarygroupid", vec![rid]);
        self.set_link(group, "member", user, false);
        if let Some(old) = old.filter(|old| self.is_alive(*old)) {
            self.set_link(old, "member", user, true);
        }
        true
    }

    fn delete(&mut self, guid: Guid) -> bool {
        if !self.writer().is_alive(guid) {
            return false;
        }
        for child in self.writer().children(guid) {
            self.delete(child);
        }
        let (recycle_bin, now) = (self.recycle_bin, self.now);
        let controller = self.writer_mut();
        let Some(mut entry) = controller.entries.remove(&guid) else {
            return false;
        };
        let version = entry.deleted.as_ref().map_or(1, |d| d.stamp.version + 1);
        let stamp = controller.stamp(version);
        entry.deleted = Some(Stamped { value: true, stamp });
        entry.deleted_at = now;
        let of = |version| Stamp {
            version: version + 1,
            ..stamp
        };
        let name = format!("{}\nDEL:{guid}", entry.name());
        entry.place = Stamped {
            value: (name, Some(WELL_KNOWN.deleted_objects.guid())),
            stamp: of(entry.place.stamp.version),
        };
        if !recycle_bin {
            for (name, value) in &mut entry.attributes {
                if !PRESERVED.contains(name) && !value.value.is_empty() {
                    *value = Stamped {
                        value: Vec::new(),
                        stamp: of(value.stamp.version),
                    };
                }
            }
        }
        controller.entries.insert(guid, entry);
        if !recycle_bin {
            controller.drop_links_of(guid);
        }
        true
    }

    fn undelete(&mut self, label: Label, parent: Label) -> bool {
        let guid = label.guid();
        let entry = self.writer().entries.get(&guid);
        let Some(entry) = entry.filter(|entry| entry.is_deleted()) else {
            return false;
        };
        if !self.is_container(parent) {
            return false;
        }
        let version = entry.deleted.as_ref().map_or(1, |d| d.stamp.version + 1);
        let name = entry.name().split('\n').next().unwrap_or("x").to_owned();
        let place_version = entry.place.stamp.version + 1;
        let stamp = self.writer_mut().stamp(version);
        if let Some(entry) = self.writer_mut().entries.get_mut(&guid) {
            entry.deleted = Some(Stamped {
                value: false,
                stamp,
            });
            entry.place = Stamped {
                value: (name, Some(parent.guid())),
                stamp: Stamp {
                    version: place_version,
                    ..stamp
                },
            };
        }
        if self
            .alive(label)
            .is_some_and(|entry| entry.class.is_person())
        {
            // Whoever comes back has the primary group that everybody has.
            self.set(label, "primarygroupid", vec![b"513".to_vec()]);
        }
        true
    }

    /// The object is gone without a tombstone, who refers to it goes on to do so, and a proxy is made and deleted at
    /// once.
    fn leave(&mut self, label: Label) -> bool {
        let Some(entry) = self.alive(label) else {
            return false;
        };
        let class = entry.class;
        if class.holds_others() || class == Class::Proxy || label == WELL_KNOWN.domain_users {
            return false;
        }
        self.moves += 1;
        let proxy = Label(PROXIES + self.moves);
        let value = format!(
            "B:16:00000001{:08x}:<GUID={}>;CN={},DC=other,DC=test",
            self.moves,
            label.guid(),
            class.word(label)
        );
        self.create(proxy, Class::Proxy, Some(WELL_KNOWN.head.guid()));
        self.set(proxy, PROXIED, vec![value.into_bytes()]);
        self.delete(proxy.guid());
        self.writer_mut().entries.remove(&label.guid());
        self.away.insert(label, class);
        true
    }

    fn return_to(&mut self, label: Label, parent: Label) -> bool {
        if !self.is_container(parent) || self.exists(label) {
            return false;
        }
        let class = self.away.remove(&label);
        if let Some(class) = class {
            self.create(label, class, Some(parent.guid()));
        }
        class.is_some()
    }

    fn swap_names(&mut self, one: Label, other: Label) -> bool {
        let name = |label: Label| {
            let entry = self.alive(label).filter(|entry| entry.class.is_person());
            entry.map(|entry| entry.values("userprincipalname").to_vec())
        };
        let (Some(first), Some(second)) = (name(one), name(other)) else {
            return false;
        };
        let changed = self.set(one, "userprincipalname", second);
        self.set(other, "userprincipalname", first) || changed
    }
}
