//! The groups of a scope: who belongs to them, directly or by way of other groups.
//!
//! The groups that the configuration names are its own; those reached through them (`nested-groups`) are
//! rows, kept up with every change of an edge between groups. Who is a member is looked up from the
//! member's side, so that a group of a million costs what a group of ten costs.

use crate::import::mark_all;
use crate::lane::Lane;
use lockstep_engine::scope::reachable;
use lockstep_engine::{Membership, ObjectClass, Policy, Presence, StagedObject};
use lockstep_model::Guid;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::connector_space::{
    NestedScopeGroup, Staged, StagedReference, Subject,
};
use lockstep_store::records::job::Job;
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};
use std::collections::{BTreeMap, BTreeSet};

/// The attribute that makes a member.
const MEMBER: &str = "member";
/// Under this name the import keeps who has which primary group.
const PRIMARY: &str = "primarygroupid";
/// "Domain Users", which every user has from the beginning ([MS-ADTS] 6.1.1.6.9).
const DEFAULT_PRIMARY_GROUP: u32 = 513;
/// How many edges are looked at in one go.
const SLICE: usize = 1_000;

/// The groups of one configuration's scope, as they stand in one transaction.
#[derive(Clone, Debug, Default)]
pub struct ScopeGroups {
    configuration: Option<ConfigurationId>,
    all: BTreeSet<Guid>,
    /// Groups by the last part of their SID, as primaryGroupID names them.
    by_rid: BTreeMap<u32, Guid>,
    /// One that has not been read in full.
    unread: Option<Guid>,
    /// An object that takes part wherever it lies.
    admitted: Option<Guid>,
}

impl ScopeGroups {
    /// Looks them up; asks nothing of the store where the scope names no groups.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn load(tx: &mut dyn Read, job: &Job, policy: &Policy) -> Result<Self, StoreError> {
        let (configuration, admitted) = (job.configuration, job.admitted);
        if policy.scope.groups.is_empty() {
            return Ok(Self {
                admitted,
                ..Self::default()
            });
        }
        let mut all = policy.scope.groups.clone();
        if policy.scope.nested {
            all.extend(nested(tx, configuration)?);
        }
        let ids: Vec<_> = all.iter().map(|group| (configuration, *group)).collect();
        let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
        let mut groups = Self {
            configuration: Some(configuration),
            admitted,
            all,
            ..Self::default()
        };
        for ((_, group), row) in ids.into_iter().zip(rows) {
            let object = row.map(|row| row.object);
            let read = object.as_ref().is_some_and(|object| {
                object.is_complete(policy.read_set)
                    || !matches!(object.presence, Presence::Alive { .. })
            });
            if !read {
                groups.unread = groups.unread.or(Some(group));
            }
            if let Some(rid) = object.and_then(|object| object.sid?.rid()) {
                groups.by_rid.insert(rid, group);
            }
        }
        Ok(groups)
    }

    /// Whether this is a group of the scope.
    #[must_use]
    pub fn contains(&self, group: &Guid) -> bool {
        self.all.contains(group)
    }

    /// What the groups say of an object.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn membership(
        &self,
        tx: &mut dyn Read,
        object: &StagedObject,
    ) -> Result<Membership, StoreError> {
        if self.admitted == Some(object.guid) {
            return Ok(Membership::Admitted);
        }
        let Some(configuration) = self.configuration else {
            return Ok(Membership::None);
        };
        if self.contains(&object.guid) {
            return Ok(Membership::ScopingGroup);
        }
        let primary = object.primary_group.and_then(|rid| self.by_rid.get(&rid));
        if let Some(group) = primary {
            return Ok(Membership::MemberOf(*group));
        }
        if let Some(group) = self.holders(tx, configuration, object.guid)?.first() {
            return Ok(Membership::MemberOf(*group));
        }
        Ok(match self.unread {
            Some(unread) => Membership::Undecided { unread },
            None => Membership::None,
        })
    }

    /// The groups of the scope that have this object as a member.
    fn holders(
        &self,
        tx: &mut dyn Read,
        configuration: ConfigurationId,
        member: Guid,
    ) -> Result<Vec<Guid>, StoreError> {
        let prefix = StagedReference::to(configuration, member).with(MEMBER);
        let mut scan = Scan::along(StagedReference::BY_TARGET, prefix, SLICE);
        let mut holders = Vec::new();
        loop {
            let edges: Vec<StagedReference> = tx.list(&scan)?;
            let Some(last) = edges.last() else {
                return Ok(holders);
            };
            scan = scan.behind(last);
            let sources = edges.iter().map(|edge| edge.source);
            holders.extend(sources.filter(|source| self.contains(source)));
        }
    }
}

fn nested(tx: &mut dyn Read, configuration: ConfigurationId) -> Result<Vec<Guid>, StoreError> {
    let mut groups = Vec::new();
    let mut scan = Scan::of(Key::empty().with(configuration), SLICE);
    loop {
        let rows: Vec<NestedScopeGroup> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(groups);
        };
        scan = scan.behind(last);
        groups.extend(rows.iter().map(|row| row.group));
    }
}

/// What has to be looked at again when an edge from a group of the scope comes or goes.
#[must_use]
pub fn marks_for_edge(lane: &Lane, source: Guid, attribute: &str, target: Guid) -> Vec<Subject> {
    if attribute != MEMBER || !lane.groups.contains(&source) {
        return Vec::new();
    }
    let mut marks = vec![Subject::Object(target)];
    if lane.policy.scope.nested {
        marks.push(Subject::Group(target));
    }
    marks
}

/// Starts over: the configuration names other groups, or follows nesting now and did not before.
///
/// # Errors
///
/// Those of the store.
pub fn start_over(tx: &mut dyn Write, lane: &mut Lane) -> Result<(), StoreError> {
    let configuration = lane.configuration.id;
    let rows = nested(tx, configuration)?;
    let ids: Vec<_> = rows
        .into_iter()
        .map(|group| (configuration, group))
        .collect();
    tx.remove::<NestedScopeGroup>(&ids)?;
    let named: Vec<Subject> = lane
        .policy
        .scope
        .groups
        .iter()
        .copied()
        .map(Subject::Members)
        .collect();
    mark_all(tx, &mut lane.job, named)
}

/// Marks members of one group, behind a place; gives the place to go on behind if there are more.
///
/// # Errors
///
/// Those of the store.
pub fn expand_members(
    tx: &mut dyn Write,
    lane: &mut Lane,
    group: Guid,
    position: Option<Key>,
    batch: usize,
) -> Result<Option<Key>, StoreError> {
    let prefix = StagedReference::of(lane.configuration.id, group, MEMBER);
    let mut scan = Scan::of(prefix, batch);
    scan.after = position.map(|key| (key.clone(), key));
    let edges: Vec<StagedReference> = tx.list(&scan)?;
    let mut subjects = Vec::with_capacity(edges.len());
    for edge in &edges {
        subjects.push(Subject::Object(edge.target));
        if lane.policy.scope.nested {
            subjects.push(Subject::Group(edge.target));
        }
    }
    let more = edges.len() == batch;
    if !more {
        subjects.extend(primary_members(tx, lane, group)?);
    }
    mark_all(tx, &mut lane.job, subjects)?;
    Ok(edges.last().filter(|_| more).map(Record::key))
}

/// Members by primaryGroupID. AD has no edge for them; the import keeps one, but for the group that
/// everybody has from the beginning.
fn primary_members(
    tx: &mut dyn Read,
    lane: &Lane,
    group: Guid,
) -> Result<Vec<Subject>, StoreError> {
    let row: Option<Staged> = tx.fetch_one(&(lane.configuration.id, group))?;
    let Some(rid) = row.and_then(|row| row.object.sid?.rid()) else {
        return Ok(Vec::new());
    };
    if rid == DEFAULT_PRIMARY_GROUP {
        return Ok(vec![Subject::Subtree(lane.policy.naming_context)]);
    }
    let mut subjects = Vec::new();
    let prefix = StagedReference::of(lane.configuration.id, primary_group(rid), PRIMARY);
    let mut scan = Scan::of(prefix, SLICE);
    loop {
        let edges: Vec<StagedReference> = tx.list(&scan)?;
        let Some(last) = edges.last() else {
            return Ok(subjects);
        };
        scan = scan.behind(last);
        subjects.extend(edges.iter().map(|edge| Subject::Object(edge.target)));
    }
}

/// The edge that stands for an object's primary group, unless it is the one that everybody has.
#[must_use]
pub fn primary_edge(
    configuration: ConfigurationId,
    object: &StagedObject,
) -> Option<StagedReference> {
    let rid = object
        .primary_group
        .filter(|rid| *rid != DEFAULT_PRIMARY_GROUP)?;
    Some(StagedReference {
        configuration,
        source: primary_group(rid),
        attribute: PRIMARY.to_owned(),
        target: object.guid,
        reading: 0,
    })
}

/// A name for the source of such edges: the group's own GUID need not be known yet.
fn primary_group(rid: u32) -> Guid {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&rid.to_be_bytes());
    Guid::from_bytes(bytes)
}

/// Looks again whether a group belongs to the scope by way of other groups.
///
/// # Errors
///
/// Those of the store.
pub fn reconsider(tx: &mut dyn Write, lane: &mut Lane, group: Guid) -> Result<(), StoreError> {
    let configuration = lane.configuration.id;
    let scope = &lane.policy.scope;
    if !scope.nested || scope.groups.contains(&group) {
        return Ok(());
    }
    let is_group = is_live_group(tx, configuration, group)?;
    let held = is_group && !lane.groups.holders(tx, configuration, group)?.is_empty();
    match (held, lane.groups.contains(&group)) {
        (true, false) => {
            tx.store(&[NestedScopeGroup {
                configuration,
                group,
            }])?;
            lane.groups.all.insert(group);
            mark_all(
                tx,
                &mut lane.job,
                [Subject::Object(group), Subject::Members(group)],
            )
        }
        (_, true) => leave_unreachable(tx, lane),
        (false, false) => Ok(()),
    }
}

fn is_live_group(
    tx: &mut dyn Read,
    configuration: ConfigurationId,
    guid: Guid,
) -> Result<bool, StoreError> {
    let row: Option<Staged> = tx.fetch_one(&(configuration, guid))?;
    Ok(row.is_some_and(|row| {
        row.object.class == Some(ObjectClass::Group)
            && matches!(row.object.presence, Presence::Alive { .. })
    }))
}

/// Lets go of the groups that can no longer be reached from those that the configuration names: groups that
/// hold only each other keep nobody in scope.
fn leave_unreachable(tx: &mut dyn Write, lane: &mut Lane) -> Result<(), StoreError> {
    let configuration = lane.configuration.id;
    let mut edges: BTreeMap<Guid, BTreeSet<Guid>> = BTreeMap::new();
    for group in lane.groups.all.clone() {
        // The edges to a group that was deleted go later.
        if !is_live_group(tx, configuration, group)? {
            continue;
        }
        for holder in lane.groups.holders(tx, configuration, group)? {
            edges.entry(holder).or_default().insert(group);
        }
    }
    let reached = reachable(&lane.policy.scope.groups, &edges);
    let gone: Vec<Guid> = lane.groups.all.difference(&reached).copied().collect();
    let ids: Vec<_> = gone.iter().map(|group| (configuration, *group)).collect();
    tx.remove::<NestedScopeGroup>(&ids)?;
    lane.groups.all = reached;
    let subjects: Vec<Subject> = gone
        .into_iter()
        .flat_map(|group| [Subject::Object(group), Subject::Members(group)])
        .collect();
    mark_all(tx, &mut lane.job, subjects)
}
