//! References: managers, owners, members. Decided value by value, after all objects.
//!
//! A reference is in the cloud directory when AD has it and both ends are there. One more member of a
//! group of a million costs what it costs in a group of ten; many references cost few statements, because
//! what a batch needs is looked up for all of them together.

use super::escrow::HEALED;
use super::objects::cases;
use super::report::Compared;
use super::unresolved::Findings;
use super::{Context, first_done, first_goes_on, foreign, keep, next, removals};
use crate::directory;
use crate::import::{Places, mark_all};
use crate::lane::Lane;
use crate::{links, log};
use lockstep_directory::{Kind, Object};
use lockstep_engine::mapping::{MappedKind, REFERENCES, source_anchor};
use lockstep_engine::{Presence, Reason};
use lockstep_model::ids::ObjectId;
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, PropertyValue, SourceAnchor};
use lockstep_store::records::connector_space::{
    Dirty, LinkRow, Staged, StagedReference, Subject, SubjectKind,
};
use lockstep_store::records::directory::DirectoryReference;
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How many references one batch looks at.
const BATCH: usize = 5_000;
/// How many of the objects that came or went the log names.
const NAMED: usize = 20;
/// How many references of one object a comparison of two configurations looks at: of more it says that it did not.
const COMPARED: usize = 50_000;

/// What names a reference of the directory.
pub(super) type Id = <DirectoryReference as Record>::Id;

/// Works off marks of references. Returns whether there may be more.
pub(super) fn batch(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
) -> Result<bool, StoreError> {
    let kinds = [
        SubjectKind::Gone,
        SubjectKind::From,
        SubjectKind::Strangers,
        SubjectKind::To,
        SubjectKind::Reference,
    ];
    for kind in kinds {
        let Some(mark) = next(tx, lane, kind)? else {
            continue;
        };
        let mut changes = Changes {
            findings: Findings::of(tx, lane)?,
            ..Changes::default()
        };
        match kind {
            SubjectKind::Gone => gone(tx, lane, mark, &mut changes)?,
            SubjectKind::From => from(tx, lane, mark, &mut changes)?,
            SubjectKind::Strangers => strangers(tx, lane, mark, &mut changes)?,
            SubjectKind::To => to(tx, lane, mark, &mut changes)?,
            _ => single(tx, lane, mark, &mut changes)?,
        }
        changes.apply(tx, lane, context)?;
        return Ok(true);
    }
    Ok(false)
}

/// Which objects of the directory have other references than the objects of AD that they became of. Nothing is
/// changed but marks: it works on an overlay.
pub(super) fn otherwise(
    tx: &mut dyn Write,
    lane: &mut Lane,
    guids: impl IntoIterator<Item = Guid>,
) -> Result<BTreeSet<ObjectId>, StoreError> {
    mark_all(tx, &mut lane.job, guids.into_iter().map(Subject::From))?;
    let mut changes = Changes::default();
    while let Some(mark) = next(tx, lane, SubjectKind::From)? {
        from(tx, lane, mark, &mut changes)?;
    }
    while let Some(mark) = next(tx, lane, SubjectKind::Strangers)? {
        strangers(tx, lane, mark, &mut changes)?;
    }
    changes.strike(tx, lane)?;
    let changed = changes.added.iter().chain(&changes.removed);
    Ok(changed.map(|(holder, ..)| *holder).collect())
}

/// Compares what objects would refer to with what another configuration, which provisions them, has them refer to,
/// once everything else is decided. Says whether there was something to compare.
pub(super) fn compare_all(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
) -> Result<bool, StoreError> {
    let waiting = std::mem::take(&mut context.report.compared);
    for compared in &waiting {
        let otherwise = would_be(tx, lane, compared)?;
        let items = context.report.items.as_mut();
        let Some(item) = items.and_then(|items| items.get_mut(compared.item)) else {
            continue;
        };
        let too_many = otherwise.is_none();
        item.changes.extend(otherwise.unwrap_or_default());
        item.reason.push_str(match item.changes.is_empty() {
            true => "; compared with it, nothing would be otherwise",
            false => "; compared with it, these values would be otherwise",
        });
        if too_many {
            let note = format!("; it has more than {COMPARED} references, which were not compared");
            item.reason.push_str(&note);
        }
    }
    Ok(!waiting.is_empty())
}

/// One property that would be otherwise: what would go, and what would come.
type Otherwise = (&'static str, Option<PropertyValue>, Option<PropertyValue>);

/// In what an object would refer to others than it does; none when there are too many to be looked at.
fn would_be(
    tx: &mut dyn Write,
    lane: &Lane,
    compared: &Compared,
) -> Result<Option<Vec<Otherwise>>, StoreError> {
    let prefix = StagedReference::from(lane.configuration.id, compared.guid);
    let rows: Vec<StagedReference> = tx.list(&Scan::of(prefix, COMPARED + 1))?;
    let held = tx.scan(
        DirectoryReference::TABLE,
        &Scan::of(DirectoryReference::from(compared.holder), COMPARED + 1),
    )?;
    if rows.len().max(held.len()) > COMPARED {
        return Ok(None);
    }
    let mut targets = targets(tx, lane, rows.iter().map(|row| row.target))?;
    let unknown = rows.iter().map(|row| row.target);
    let unknown = unknown.filter(|guid| targets.get(guid).is_none_or(|target| target.deleted));
    targets.extend(by_anchor(tx, lane, &unknown.collect(), false)?);
    let stretch = Stretch {
        source: compared.guid,
        kind: compared.kind,
        holder: compared.holder,
        rows,
        whole: true,
    };
    let mut changes = Changes::default();
    compare(tx, lane, &stretch, &targets, &mut changes)?;
    changes.strike(tx, lane)?;
    let mut otherwise = Vec::new();
    for reference in REFERENCES {
        let of_it = |ids: &[Id]| -> Vec<ObjectId> {
            let ids = ids.iter().filter(|id| id.1 == reference.property);
            ids.map(|(.., target)| *target).collect()
        };
        let (removed, added) = (of_it(&changes.removed), of_it(&changes.added));
        if !removed.is_empty() || !added.is_empty() {
            let removed = sorted_names(tx, &removed)?;
            otherwise.push((reference.property, removed, sorted_names(tx, &added)?));
        }
    }
    Ok(Some(otherwise))
}

/// Where references lead that nobody is linked to, by the anchors of what is there: handed over, this configuration
/// finds the objects by them, and of whom AD takes out it finds whom nobody provisions any more. Of whom nothing is read
/// the anchor is taken to be the usual one, if it may be guessed.
fn by_anchor(
    tx: &mut dyn Read,
    lane: &Lane,
    unknown: &BTreeSet<Guid>,
    may_guess: bool,
) -> Result<HashMap<Guid, Target>, StoreError> {
    let ids: Vec<_> = unknown
        .iter()
        .map(|guid| (lane.configuration.id, *guid))
        .collect();
    let staged: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let anchor_of = |(guid, row): (&Guid, Option<Staged>)| {
        let read = row.filter(|row| row.object.is_complete(lane.policy.read_set));
        let anchor = match read {
            Some(row) => source_anchor(&row.object).ok(),
            None => may_guess.then(|| SourceAnchor::from_object_guid(*guid)),
        };
        Some((*guid, anchor?))
    };
    let known = unknown.iter().zip(staged).filter_map(anchor_of);
    let (guids, anchors): (Vec<Guid>, Vec<_>) = known.unzip();
    let found = directory::objects_by_anchor(tx, &anchors)?;
    let live = |(guid, object): (Guid, Option<Object>)| {
        let object = object.filter(|object| object.deleted.is_none())?;
        let (object, deleted) = (object.id, false);
        Some((guid, Target { object, deleted }))
    };
    Ok(guids.into_iter().zip(found).filter_map(live).collect())
}

/// The same as [`names`] in an order that stays, whichever ids the objects have.
fn sorted_names(tx: &mut dyn Read, ids: &[ObjectId]) -> Result<Option<PropertyValue>, StoreError> {
    let objects = directory::objects(tx, ids)?;
    let mut named: Vec<(Option<String>, ObjectId)> = Vec::with_capacity(ids.len());
    for (id, object) in ids.iter().zip(objects) {
        named.push((called(tx, object)?, *id));
    }
    named.sort_unstable();
    let ids: Vec<ObjectId> = named.into_iter().map(|(_, id)| id).collect();
    names(tx, &ids)
}

fn called(tx: &mut dyn Read, object: Option<Object>) -> Result<Option<String>, StoreError> {
    let object = object.map(|object| log::name_of(tx, &object)).transpose()?;
    Ok(object.flatten())
}

/// References of the directory that come and go with a batch.
#[derive(Default)]
pub(super) struct Changes {
    added: Vec<Id>,
    removed: Vec<Id>,
    /// What leads nowhere, and what does not any more.
    findings: Findings,
}

impl Changes {
    /// References that go.
    pub(super) fn removing(removed: Vec<Id>) -> Self {
        Self {
            removed,
            ..Self::default()
        }
    }

    fn add(&mut self, id: Id) {
        self.added.push(id);
    }

    /// Takes up where a reference of AD leads.
    fn look(
        &mut self,
        lane: &Lane,
        kind: MappedKind,
        holder: ObjectId,
        edge: <StagedReference as Record>::Id,
        target: Option<&Target>,
    ) {
        let left_alone = &lane.policy.mapping.left_alone;
        match (property_of(&edge.2), target) {
            (Some(property), _) if left_alone.contains(&(kind, property)) => {}
            (Some(_), Some(target)) if !target.deleted => self.findings.leads(holder, edge),
            (Some(_), _) => self.findings.fails(holder, edge),
            (None, _) => {}
        }
    }

    /// Strikes out what the mapping leaves alone.
    fn strike(&mut self, tx: &mut dyn Read, lane: &Lane) -> Result<(), StoreError> {
        let left = &lane.policy.mapping.left_alone;
        if left.is_empty() {
            return Ok(());
        }
        let all = self.added.iter().chain(&self.removed);
        let holders: BTreeSet<ObjectId> = all.map(|(holder, ..)| *holder).collect();
        let holders: Vec<ObjectId> = holders.into_iter().collect();
        let objects = directory::objects(tx, &holders)?;
        let kinds: HashMap<ObjectId, Kind> = objects
            .into_iter()
            .flatten()
            .map(|object| (object.id, object.kind))
            .collect();
        let stays = |(holder, property, _): &Id| {
            let kind = kinds.get(holder).and_then(|kind| kind.mapped());
            let kind = kind.unwrap_or(MappedKind::Contact);
            !left.contains(&(kind, property.as_str()))
        };
        self.added.retain(stays);
        self.removed.retain(stays);
        Ok(())
    }

    /// Writes them, but for those that have to wait until all are counted.
    fn apply(
        mut self,
        tx: &mut dyn Write,
        lane: &mut Lane,
        context: &mut Context<'_>,
    ) -> Result<(), StoreError> {
        self.strike(tx, lane)?;
        self.removed = removals::stage(tx, lane, context, self.removed)?;
        self.write(tx, lane, context)
    }

    pub(super) fn write(
        self,
        tx: &mut dyn Write,
        lane: &Lane,
        context: &mut Context<'_>,
    ) -> Result<(), StoreError> {
        directory::change_references(tx, &self.added, &self.removed)?;
        let healed = self.findings.settle(tx, lane, context)?;
        let mut holders: BTreeMap<ObjectId, BTreeMap<&str, Targets>> = BTreeMap::new();
        for holder in &healed {
            holders.entry(*holder).or_default();
        }
        // Of what came to be in the directory, or to be this configuration's, in this cycle, its references are a part.
        let told = |holder: &ObjectId| {
            healed.contains(holder)
                || !context.report.made.contains(holder)
                || context.report.updates.contains_key(holder)
        };
        for (source, property, target) in self.added.iter().filter(|(source, ..)| told(source)) {
            let properties = holders.entry(*source).or_default();
            properties.entry(property).or_default().added.push(*target);
        }
        for (source, property, target) in self.removed.iter().filter(|(source, ..)| told(source)) {
            let properties = holders.entry(*source).or_default();
            properties
                .entry(property)
                .or_default()
                .removed
                .push(*target);
        }
        for (holder, properties) in holders {
            let healed = healed.contains(&holder);
            tell(tx, lane, context, holder, properties, healed)?;
        }
        Ok(())
    }
}

/// Where references of one property lead that came or went.
#[derive(Default)]
struct Targets {
    added: Vec<ObjectId>,
    removed: Vec<ObjectId>,
}

/// A changed reference is one update of its holder, however many there are, and one entry of the log for
/// each batch.
fn tell(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    holder: ObjectId,
    properties: BTreeMap<&str, Targets>,
    healed: bool,
) -> Result<(), StoreError> {
    let counted = properties.is_empty() || context.report.counted.contains(&holder);
    if !counted && context.report.referring.insert(holder) {
        context.report.tally.updated += 1;
    }
    let Some(own) = links::own(tx, holder, lane.owner())? else {
        return Ok(());
    };
    let guid = own.guid;
    let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
    let Some(case) = cases(tx, lane, context, &mut places, &[guid])?.pop() else {
        return Ok(());
    };
    // What comes back from the recycle bin comes with the references to it.
    let action = match properties.is_empty() {
        true => Action::Other,
        false => Action::Update,
    };
    let mut item = case.item(lane, action, &Reason::InScope, Some(holder));
    if healed {
        if properties.is_empty() {
            item.code = HEALED;
        }
        item.reason
            .push_str("; what it refers to is provisioned now, and was not before");
    }
    for (property, targets) in properties {
        let property = REFERENCES
            .iter()
            .find(|reference| reference.property == property);
        // A preview that tells the same once more does so in the same words.
        let names = match context.report.items {
            Some(_) => sorted_names,
            None => names,
        };
        let removed = names(tx, &targets.removed)?;
        let added = names(tx, &targets.added)?;
        item.changes
            .extend(property.map(|reference| (reference.property, removed, added)));
    }
    let known = context.report.updates.get(&holder).filter(|_| !healed);
    let items = context.report.items.as_mut();
    if let Some(known) = known.and_then(|at| items?.get_mut(*at)) {
        // A preview shows each object once.
        known.changes.append(&mut item.changes);
        return Ok(());
    }
    log::record(tx, context, Status::Success, item)
}

/// What a list of objects is called in the log: the first of them by name.
pub(super) fn names(
    tx: &mut dyn Read,
    ids: &[ObjectId],
) -> Result<Option<PropertyValue>, StoreError> {
    if ids.is_empty() {
        return Ok(None);
    }
    let some = ids.get(..NAMED).unwrap_or(ids);
    let objects = directory::objects(tx, some)?;
    let mut names = Vec::with_capacity(some.len() + 1);
    for (id, object) in some.iter().zip(objects) {
        let name = called(tx, object)?;
        names.push(name.unwrap_or_else(|| id.to_string()));
    }
    if ids.len() > some.len() {
        names.push(format!("and {} more", ids.len() - some.len()));
    }
    Ok(Some(PropertyValue::TextList(names)))
}

/// What objects of AD became; of those that became nothing there is no entry.
fn links_of(
    tx: &mut dyn Read,
    lane: &Lane,
    guids: impl IntoIterator<Item = Guid>,
) -> Result<HashMap<Guid, LinkRow>, StoreError> {
    let guids: BTreeSet<Guid> = guids.into_iter().collect();
    let ids: Vec<_> = guids.into_iter().map(|guid| (lane.owner(), guid)).collect();
    let rows: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    Ok(rows
        .into_iter()
        .flatten()
        .map(|row| (row.guid, row))
        .collect())
}

/// Where a reference leads in the directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) object: ObjectId,
    /// It is in the recycle bin.
    pub(super) deleted: bool,
}

impl Target {
    pub(super) const fn of(link: &LinkRow) -> Self {
        Self {
            object: link.object,
            deleted: link.deleted,
        }
    }
}

/// Where references to objects of AD lead, here or in what other configurations provision.
fn targets(
    tx: &mut dyn Read,
    lane: &Lane,
    guids: impl IntoIterator<Item = Guid>,
) -> Result<HashMap<Guid, Target>, StoreError> {
    let guids: BTreeSet<Guid> = guids.into_iter().collect();
    let own = links_of(tx, lane, guids.iter().copied())?;
    // What was deleted here another configuration may have taken up since.
    let strange = guids.into_iter().filter(|guid| live(&own, *guid).is_none());
    let strange: Vec<Guid> = strange.collect();
    let mut found = foreign::resolve(tx, lane, &strange)?;
    found.retain(|guid, target| !target.deleted || !own.contains_key(guid));
    for (guid, row) in own {
        found.entry(guid).or_insert_with(|| Target::of(&row));
    }
    Ok(found)
}

/// The directory's object for an object of AD, if it is there and not deleted.
fn live(links: &HashMap<Guid, LinkRow>, guid: Guid) -> Option<ObjectId> {
    links
        .get(&guid)
        .filter(|link| !link.deleted)
        .map(|link| link.object)
}

/// The property in which the directory has what AD has in this attribute.
pub(super) fn property_of(attribute: &str) -> Option<&'static str> {
    let found = REFERENCES.iter().find(|r| r.attribute == attribute);
    found.map(|reference| reference.property)
}

/// The attribute in which AD has what the directory has in this property.
fn attribute_of(property: &str) -> Option<&'static str> {
    let found = REFERENCES.iter().find(|r| r.property == property);
    found.map(|reference| reference.attribute)
}

/// A stretch of the references from one object, and whom they are from in the directory.
struct Stretch {
    source: Guid,
    kind: MappedKind,
    holder: ObjectId,
    rows: Vec<StagedReference>,
    /// It is all that there is.
    whole: bool,
}

/// All references of objects: what AD has is written, then what only the directory has is removed.
fn from(
    tx: &mut dyn Write,
    lane: &mut Lane,
    mut mark: Dirty,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let holders = links_of(tx, lane, mark.subjects.iter().map(Subject::guid))?;
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut large = Vec::new();
    let (mut looked, mut room, mut position) = (0, BATCH, mark.position.take());
    for subject in &mark.subjects {
        let source = subject.guid();
        let begun = position.take();
        let link = holders.get(&source).filter(|link| !link.deleted);
        if let Some(link) = link {
            let prefix = StagedReference::from(lane.configuration.id, source);
            let mut scan = Scan::of(prefix, room);
            let whole = begun.is_none();
            scan.after = begun.map(|key| (key.clone(), key));
            let rows: Vec<StagedReference> = tx.list(&scan)?;
            let more = rows.len() == room;
            room -= rows.len();
            position = rows.last().filter(|_| more).map(Record::key);
            if !whole && !more {
                large.push(Subject::Strangers(source));
            }
            stretches.push(Stretch {
                source,
                kind: link.kind,
                holder: link.object,
                rows,
                whole: whole && !more,
            });
            if more {
                break;
            }
        }
        looked += 1;
    }
    let targets = stretches.iter().flat_map(|stretch| &stretch.rows);
    let targets = self::targets(tx, lane, targets.map(|row| row.target))?;
    for stretch in stretches {
        compare(tx, lane, &stretch, &targets, changes)?;
    }
    mark_all(tx, &mut lane.job, large)?;
    mark.subjects.drain(..looked);
    keep(tx, Dirty { position, ..mark })
}

/// Compares a stretch of what AD has with the directory.
fn compare(
    tx: &mut dyn Write,
    lane: &Lane,
    stretch: &Stretch,
    targets: &HashMap<Guid, Target>,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    for row in &stretch.rows {
        let target = targets.get(&row.target);
        changes.look(lane, stretch.kind, stretch.holder, row.id(), target);
    }
    if stretch.whole {
        changes.findings.whole(stretch.source);
    }
    let wanted = stretch.rows.iter().filter_map(|row| {
        let property = property_of(&row.attribute)?;
        let target = targets.get(&row.target).filter(|target| !target.deleted)?;
        Some((stretch.holder, property.to_owned(), target.object))
    });
    let wanted: HashSet<Id> = wanted.collect();
    let known: HashSet<Id> = if stretch.whole {
        all_of(tx, stretch.holder)?
    } else {
        present(tx, wanted.iter().cloned().collect())?
    };
    for id in &wanted {
        if !known.contains(id) {
            changes.add(id.clone());
        }
    }
    // One that is in the recycle bin keeps its references, to come back with them.
    let kept = stretch.rows.iter().filter_map(|row| {
        let deleted = targets.get(&row.target).filter(|target| target.deleted)?;
        let property = property_of(&row.attribute)?.to_owned();
        Some((stretch.holder, property, deleted.object))
    });
    let kept: HashSet<Id> = kept.collect();
    let gone = known.into_iter();
    changes
        .removed
        .extend(gone.filter(|id| !wanted.contains(id) && !kept.contains(id)));
    Ok(())
}

/// All references of an object in the directory that come from AD.
fn all_of(tx: &mut dyn Read, holder: ObjectId) -> Result<HashSet<Id>, StoreError> {
    let mut scan = Scan::of(DirectoryReference::from(holder), BATCH);
    let mut all = HashSet::new();
    loop {
        let rows: Vec<DirectoryReference> = tx.list(&scan)?;
        let more = rows.len() == BATCH;
        if let Some(last) = rows.last() {
            scan = scan.behind(last);
        }
        let ours = rows
            .into_iter()
            .filter(|row| attribute_of(&row.property).is_some());
        all.extend(ours.map(|row| row.id()));
        if !more {
            return Ok(all);
        }
    }
}

/// Those of these references that the directory has.
fn present(tx: &mut dyn Read, ids: Vec<Id>) -> Result<HashSet<Id>, StoreError> {
    let rows: Vec<Option<DirectoryReference>> = tx.fetch(&ids)?;
    Ok(rows.into_iter().flatten().map(|row| row.id()).collect())
}

/// What only the directory has of a set that is too large to be compared in one go.
fn strangers(
    tx: &mut dyn Write,
    lane: &mut Lane,
    mark: Dirty,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let Some(source) = mark.subjects.first().map(Subject::guid) else {
        return keep(tx, mark);
    };
    let Some(holder) = live(&links_of(tx, lane, [source])?, source) else {
        return first_done(tx, mark);
    };
    let mut scan = Scan::of(DirectoryReference::from(holder), BATCH);
    scan.after = mark.position.clone().map(|key| (key.clone(), key));
    let rows: Vec<DirectoryReference> = tx.list(&scan)?;
    let last = rows.last().filter(|_| rows.len() == BATCH).map(Record::key);
    let ours = rows
        .into_iter()
        .filter(|row| attribute_of(&row.property).is_some());
    let (mut ids, mut edges) = (Vec::new(), Vec::new());
    for row in ours {
        let of_it = edges_of(tx, lane, source, &row)?;
        edges.extend(of_it.into_iter().map(|edge| (ids.len(), edge)));
        ids.push(row.id());
    }
    let (whose, edges): (Vec<usize>, Vec<_>) = edges.into_iter().unzip();
    let known: Vec<Option<StagedReference>> = tx.fetch(&edges)?;
    let kept: HashSet<usize> = whose
        .into_iter()
        .zip(known)
        .filter_map(|(index, edge)| edge.map(|_| index))
        .collect();
    let gone = ids.into_iter().enumerate();
    let gone = gone.filter(|(index, _)| !kept.contains(index));
    changes.removed.extend(gone.map(|(_, id)| id));
    match last {
        Some(position) => first_goes_on(tx, mark, position),
        None => first_done(tx, mark),
    }
}

/// The edges of AD that a reference of the directory may stand for, by whatever [`targets`] would find its target.
pub(super) fn edges_of(
    tx: &mut dyn Read,
    lane: &Lane,
    source: Guid,
    reference: &DirectoryReference,
) -> Result<Vec<<StagedReference as Record>::Id>, StoreError> {
    let Some(attribute) = attribute_of(&reference.property) else {
        return Ok(Vec::new());
    };
    let links = links::to(tx, reference.target)?;
    let own = links.iter().find(|row| row.configuration == lane.owner());
    let mut edges = Vec::new();
    if let Some(own) = own {
        let configuration = lane.configuration.id;
        edges.push((configuration, source, attribute.to_owned(), own.guid));
    }
    // What was deleted here another configuration may have taken up since.
    if own.is_none_or(|own| own.deleted) {
        let target = reference.target;
        let foreign = foreign::edges_to(tx, lane, (source, attribute), target, &links)?;
        edges.extend(foreign);
    }
    Ok(edges)
}

/// All references to objects.
fn to(
    tx: &mut dyn Write,
    lane: &mut Lane,
    mut mark: Dirty,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let (mut looked, mut room, mut position) = (0, BATCH, mark.position.take());
    let mut edges: Vec<StagedReference> = Vec::new();
    for subject in &mark.subjects {
        let rows = references_to(tx, lane, subject.guid(), position.take(), room)?;
        let more = rows.len() == room;
        room -= rows.len();
        position = rows.last().filter(|_| more).map(Record::key);
        edges.extend(rows);
        if more {
            break;
        }
        looked += 1;
    }
    let wanted = edges
        .iter()
        .map(|edge| (edge.source, edge.attribute.as_str(), edge.target, true));
    settle(tx, lane, wanted.collect(), changes)?;
    mark.subjects.drain(..looked);
    keep(tx, Dirty { position, ..mark })
}

fn references_to(
    tx: &mut dyn Read,
    lane: &Lane,
    target: Guid,
    position: Option<Key>,
    limit: usize,
) -> Result<Vec<StagedReference>, StoreError> {
    let prefix = StagedReference::to(lane.configuration.id, target);
    let mut scan = Scan::along(StagedReference::BY_TARGET, prefix, limit);
    scan.after = position.and_then(StagedReference::place_of);
    tx.list(&scan)
}

/// Single references, as AD has them now.
fn single(
    tx: &mut dyn Write,
    lane: &mut Lane,
    mark: Dirty,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let configuration = lane.configuration.id;
    let edges = mark.subjects.iter().filter_map(|subject| match subject {
        Subject::Reference(source, attribute, target) => {
            Some((*source, attribute.as_str(), *target))
        }
        _ => None,
    });
    let edges: BTreeSet<(Guid, &str, Guid)> = edges.collect();
    let ids: Vec<_> = edges
        .iter()
        .map(|(source, attribute, target)| {
            (configuration, *source, (*attribute).to_owned(), *target)
        })
        .collect();
    let rows: Vec<Option<StagedReference>> = tx.fetch(&ids)?;
    let wanted = edges
        .into_iter()
        .zip(rows)
        .map(|((source, attribute, target), row)| (source, attribute, target, row.is_some()));
    settle(tx, lane, wanted.collect(), changes)?;
    tx.remove::<Dirty>(&[mark.id()])
}

/// Brings single references in line: source, attribute, target, and whether AD has it.
fn settle(
    tx: &mut dyn Write,
    lane: &Lane,
    edges: Vec<(Guid, &str, Guid, bool)>,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let holders = links_of(tx, lane, edges.iter().map(|(source, ..)| *source))?;
    let targets = targets(tx, lane, edges.iter().map(|(_, _, target, _)| *target))?;
    // Whom nobody provisions any more, or not yet again, AD may have taken out all the same.
    let gone = edges.iter().filter(|(.., wanted)| !wanted);
    let gone: BTreeSet<Guid> = gone
        .map(|(_, _, target, _)| *target)
        .filter(|target| !targets.contains_key(target))
        .collect();
    let mut departed = by_anchor(tx, lane, &gone, true)?;
    let mut provisioned = BTreeSet::new();
    for (guid, target) in &departed {
        if foreign::is_provisioned(tx, target.object)? {
            // It is somebody else's with the same anchor.
            provisioned.insert(*guid);
        }
    }
    departed.retain(|guid, _| !provisioned.contains(guid));
    for (source, attribute, target, wanted) in &edges {
        let edge = (
            lane.configuration.id,
            *source,
            (*attribute).to_owned(),
            *target,
        );
        let holder = holders.get(source).filter(|link| !link.deleted);
        match holder.filter(|_| *wanted) {
            Some(row) => changes.look(lane, row.kind, row.object, edge, targets.get(target)),
            None => changes.findings.is_gone(edge),
        }
    }
    let known = edges
        .into_iter()
        .filter_map(|(source, attribute, target, wanted)| {
            let property = property_of(attribute)?.to_owned();
            let known = targets.get(&target);
            let target = known.or_else(|| departed.get(&target).filter(|_| !wanted))?;
            let id = (live(&holders, source)?, property, target.object);
            // What is in the recycle bin keeps the references that it has.
            (!wanted || !target.deleted).then_some((id, wanted))
        });
    let known: Vec<(Id, bool)> = known.collect();
    let present = present(tx, known.iter().map(|(id, _)| id.clone()).collect())?;
    for (id, wanted) in known {
        match (wanted, present.contains(&id)) {
            (true, false) => changes.add(id),
            (false, true) => changes.removed.push(id),
            _ => {}
        }
    }
    Ok(())
}

/// References from and to objects that were deleted: AD drops them without a word.
fn gone(
    tx: &mut dyn Write,
    lane: &mut Lane,
    mut mark: Dirty,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let configuration = lane.configuration.id;
    let ids: Vec<_> = mark
        .subjects
        .iter()
        .map(|subject| (configuration, subject.guid()))
        .collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let (mut looked, mut room) = (0, BATCH);
    let mut returned = Vec::new();
    let mut edges: Vec<StagedReference> = Vec::new();
    let mut dropped: Vec<StagedReference> = Vec::new();
    for ((_, guid), row) in ids.into_iter().zip(rows) {
        let Some(row) = row.filter(|row| row.object.presence == Presence::Deleted) else {
            // It came back meanwhile.
            returned.extend([Subject::From(guid), Subject::To(guid)]);
            looked += 1;
            continue;
        };
        // Who refers to what has moved to another domain goes on to do so.
        if !row.object.moved_away {
            let to = references_to(tx, lane, guid, None, room)?;
            room -= to.len();
            edges.extend(to);
            if room == 0 {
                break;
            }
        }
        let prefix = StagedReference::from(configuration, guid);
        let from: Vec<StagedReference> = tx.list(&Scan::of(prefix, room))?;
        room -= from.len();
        dropped.extend(from);
        if room == 0 {
            break;
        }
        looked += 1;
    }
    let unwanted = edges
        .iter()
        .map(|edge| (edge.source, edge.attribute.as_str(), edge.target, false));
    settle(tx, lane, unwanted.collect(), changes)?;
    for edge in &dropped {
        changes.findings.is_gone(edge.id());
    }
    let all = edges.iter().chain(&dropped).map(StagedReference::id);
    tx.remove::<StagedReference>(&all.collect::<Vec<_>>())?;
    mark_all(tx, &mut lane.job, returned)?;
    mark.subjects.drain(..looked);
    keep(tx, mark)
}
