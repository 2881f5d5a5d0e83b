//! References to objects that are not provisioned: a manager of another domain, a member out of scope.
//!
//! The directory goes without them, and nobody fails because of it. The log says so once when it arises and once
//! when it ends: which of them it knows of stands in [`UnresolvedReference`], one row for each reference, so that
//! a group of a million members is not looked at as a whole for each that comes or goes. Whoever is not told of one by
//! one, because there are too many, is told of when somebody asks ([`of_object`]).
//!
//! A cycle may read in several rounds, and whoever is referred to in one may be read in the next. So what arises waits
//! in [`UntoldReferences`] until the last round, and is told then, if it is still so ([`tell`]); what ends before was
//! never worth a word.

use super::objects::{Case, cases};
use super::report::Item;
use super::{Context, foreign, references};
use crate::import::Places;
use crate::lane::Lane;
use lockstep_engine::{Decision, ObjectClass, Reason};
use lockstep_model::Guid;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::log::{Action, Status};
use lockstep_store::records::connector_space::{
    LinkRow, StagedReference, UnresolvedReference, UntoldReferences,
};
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The code under which the log tells of them.
pub(crate) const CODE: &str = "ReferenceFailure";
/// How many entries of one cycle tell of them: a hundred thousand managers out of scope are one fact, and the log
/// is for all.
const TOLD: usize = 1_000;
/// How many references of one object are looked at in one go.
const ASKED: usize = 5_000;
/// How many objects one transaction tells of.
const SLICE: usize = 100;

/// What names a reference of AD.
pub(super) type Edge = <StagedReference as Record>::Id;

/// References of one attribute of an object that fail: the first of them, and how many there are.
type Failing = BTreeMap<(ObjectId, Guid, String), (Guid, usize)>;

/// What a batch found out about references.
#[derive(Default)]
pub(super) struct Findings {
    /// There are rows already, so that it matters which references are right now.
    pub(super) known: bool,
    /// Who holds a reference that leads to nothing in the directory.
    failing: Vec<(ObjectId, Edge)>,
    /// References that lead somewhere now and who holds them, or that AD has no more.
    settled: Vec<(Option<ObjectId>, Edge)>,
    /// Objects all of whose references were looked at.
    whole: Vec<Guid>,
}

impl Findings {
    /// For a batch of this configuration.
    pub(super) fn of(tx: &mut dyn Read, lane: &Lane) -> Result<Self, StoreError> {
        let prefix = Key::empty().with(lane.configuration.id);
        let rows = tx.scan(UnresolvedReference::TABLE, &Scan::of(prefix, 1))?;
        Ok(Self {
            known: !rows.is_empty(),
            ..Self::default()
        })
    }

    pub(super) fn fails(&mut self, holder: ObjectId, edge: Edge) {
        self.failing.push((holder, edge));
    }

    pub(super) fn leads(&mut self, holder: ObjectId, edge: Edge) {
        if self.known {
            self.settled.push((Some(holder), edge));
        }
    }

    pub(super) fn is_gone(&mut self, edge: Edge) {
        if self.known {
            self.settled.push((None, edge));
        }
    }

    pub(super) fn whole(&mut self, source: Guid) {
        if self.known {
            self.whole.push(source);
        }
    }

    /// Remembers what has begun to fail, and forgets what does not fail any more: gives those whose references lead
    /// somewhere again, and who were told that they do not.
    pub(super) fn settle(
        self,
        tx: &mut dyn Write,
        lane: &Lane,
        context: &mut Context<'_>,
    ) -> Result<BTreeSet<ObjectId>, StoreError> {
        let mut healed = BTreeSet::new();
        let mut before = HashMap::new();
        if self.known {
            before = self.before(tx, lane)?;
            let untold = untold(tx, before.keys())?;
            let was_told = |edge: &Edge, since: i64| {
                let untold = untold.get(&(edge.1, edge.2.as_str()));
                untold.is_none_or(|from| since < *from)
            };
            let mut ended: BTreeSet<Edge> = BTreeSet::new();
            for (holder, edge) in self.settled {
                if let Some(since) = before.get(&edge) {
                    healed.extend(holder.filter(|_| was_told(&edge, *since)));
                    ended.insert(edge);
                }
            }
            let failing: HashSet<&Edge> = self.failing.iter().map(|(_, edge)| edge).collect();
            let whole: BTreeSet<Guid> = self.whole.into_iter().collect();
            let parted = before.keys().filter(|edge| whole.contains(&edge.1));
            ended.extend(parted.filter(|edge| !failing.contains(edge)).cloned());
            tx.remove::<UnresolvedReference>(&ended.into_iter().collect::<Vec<_>>())?;
        }
        let since = context.now.as_millis();
        let mut new: BTreeSet<(Guid, String)> = BTreeSet::new();
        let mut rows = Vec::new();
        for (_, id) in self.failing {
            if !before.contains_key(&id) {
                new.insert((id.1, id.2.clone()));
                rows.push(UnresolvedReference { id, since });
            }
        }
        tx.store(&rows)?;
        remember(tx, lane, context, new)?;
        Ok(healed)
    }

    /// Which of the references that were looked at are known to fail, and since when.
    fn before(&self, tx: &mut dyn Read, lane: &Lane) -> Result<HashMap<Edge, i64>, StoreError> {
        let failing = self.failing.iter().map(|(_, edge)| edge);
        let edges = failing.chain(self.settled.iter().map(|(_, edge)| edge));
        let edges: Vec<Edge> = edges.cloned().collect();
        let rows: Vec<Option<UnresolvedReference>> = tx.fetch(&edges)?;
        let mut before: Vec<UnresolvedReference> = rows.into_iter().flatten().collect();
        for source in &self.whole {
            let prefix = StagedReference::from(lane.configuration.id, *source);
            let rows: Vec<UnresolvedReference> = tx.list(&Scan::of(prefix, ASKED))?;
            before.extend(rows);
        }
        Ok(before.into_iter().map(|row| (row.id, row.since)).collect())
    }
}

/// Since when what fails of these objects and attributes has not been told.
fn untold<'a>(
    tx: &mut dyn Read,
    edges: impl Iterator<Item = &'a Edge>,
) -> Result<HashMap<(Guid, &'a str), i64>, StoreError> {
    let wanted: BTreeSet<(ConfigurationId, Guid, &str)> = edges
        .map(|edge| (edge.0, edge.1, edge.2.as_str()))
        .collect();
    let id = |(configuration, source, attribute): &(ConfigurationId, Guid, &str)| {
        (*configuration, *source, (*attribute).to_owned())
    };
    let rows: Vec<Option<UntoldReferences>> =
        tx.fetch(&wanted.iter().map(id).collect::<Vec<_>>())?;
    let known = wanted.into_iter().zip(rows);
    Ok(known
        .filter_map(|((_, source, attribute), row)| Some(((source, attribute), row?.since)))
        .collect())
}

/// Has the end of the cycle tell of these, up to a number that a log bears.
fn remember(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    new: BTreeSet<(Guid, String)>,
) -> Result<(), StoreError> {
    let room = TOLD.saturating_sub(context.report.unresolved);
    if new.len() > room && context.report.unresolved <= TOLD {
        tracing::warn!(
            configuration = lane.configuration.name,
            "more than {TOLD} objects refer to objects that are not provisioned; `lockstep log --object` tells of each"
        );
    }
    context.report.unresolved += new.len();
    let id = |(source, attribute)| (lane.configuration.id, source, attribute);
    let ids: Vec<_> = new.into_iter().take(room).map(id).collect();
    let known: Vec<Option<UntoldReferences>> = tx.fetch(&ids)?;
    let rows = ids.into_iter().zip(known);
    let rows = rows.filter(|(_, known)| known.is_none());
    let rows = rows.map(|((configuration, source, attribute), _)| UntoldReferences {
        configuration,
        source,
        attribute,
        since: context.now.as_millis(),
    });
    tx.store(&rows.collect::<Vec<_>>())
}

/// Tells of references that began to lead nowhere and still do, those of one object or of all: one entry for each
/// object and property. Nothing more is read before. Says whether there may be more to tell.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn tell(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    source: Option<Guid>,
) -> Result<bool, StoreError> {
    let prefix = match source {
        Some(source) => StagedReference::from(lane.configuration.id, source),
        None => Key::empty().with(lane.configuration.id),
    };
    let untold: Vec<UntoldReferences> = tx.list(&Scan::of(prefix, SLICE))?;
    let holders: Vec<_> = untold
        .iter()
        .map(|row| (lane.owner(), row.source))
        .collect();
    let holders: Vec<Option<LinkRow>> = tx.fetch(&holders)?;
    let mut failing = Failing::new();
    for (row, holder) in untold.iter().zip(holders) {
        let holder = holder.filter(|link| !link.deleted);
        if let Some((holder, new)) = holder.zip(began(tx, row)?) {
            failing.insert((holder.object, row.source, row.attribute.clone()), new);
        }
    }
    let items = items(tx, lane, context, failing)?;
    let entries = items.into_iter().map(|item| {
        // Not by way of the report: a plan shows what changes, and this is no change.
        let mut entry = crate::log::outside_of_cycles(item, Status::Warning, context.now);
        entry.cycle = Some(context.cycle);
        entry.took = crate::log::took(context);
        entry
    });
    tx.store(&entries.collect::<Vec<_>>())?;
    let more = untold.len() == SLICE;
    let told = untold
        .into_iter()
        .map(|row| (row.configuration, row.source, row.attribute));
    tx.remove::<UntoldReferences>(&told.collect::<Vec<_>>())?;
    Ok(more)
}

/// What of one object and attribute fails and was not told: the first of it, and how many there are.
fn began(
    tx: &mut dyn Read,
    untold: &UntoldReferences,
) -> Result<Option<(Guid, usize)>, StoreError> {
    let prefix = StagedReference::of(untold.configuration, untold.source, &untold.attribute);
    let mut scan = Scan::of(prefix, ASKED);
    let mut found: Option<(Guid, usize)> = None;
    loop {
        let rows: Vec<UnresolvedReference> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(found);
        };
        scan = scan.behind(last);
        for row in rows.iter().filter(|row| row.since >= untold.since) {
            let (first, count) = found.unwrap_or((row.id.3, 0));
            found = Some((first, count + 1));
        }
    }
}

/// What the log says of references that fail.
fn items(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &Context<'_>,
    failing: Failing,
) -> Result<Vec<Item>, StoreError> {
    let firsts = failing.values().map(|(first, _)| first);
    let sources = failing.keys().map(|(_, source, _)| source);
    let involved: BTreeSet<Guid> = firsts.chain(sources).copied().collect();
    let involved: Vec<Guid> = involved.into_iter().collect();
    let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
    let known = cases(tx, lane, context, &mut places, &involved)?;
    let known: HashMap<Guid, Case> = known
        .into_iter()
        .map(|case| (case.object.guid, case))
        .collect();
    let mut items = Vec::with_capacity(failing.len());
    for ((holder, source, attribute), (first, count)) in failing {
        let Some(case) = known.get(&source) else {
            continue;
        };
        let property = references::property_of(&attribute).unwrap_or("reference");
        let why = why(lane, context, known.get(&first));
        let mut item = case.item(lane, Action::Other, &Reason::InScope, Some(holder));
        item.code = CODE;
        item.reason = match count {
            1 => format!(
                "`{property}` leads to {first}, which is not provisioned and is left out: {why}"
            ),
            _ => format!(
                "{count} of `{property}` are not provisioned and are left out, {first} for one: {why}"
            ),
        };
        items.push(item);
    }
    Ok(items)
}

/// Why an object that is referred to is not in the directory. Its name stays home.
fn why(lane: &Lane, context: &Context<'_>, case: Option<&Case>) -> String {
    let Some(case) = case else {
        return format!("nothing is known of it in {}", lane.configuration.domain);
    };
    if case.object.class == Some(ObjectClass::ForeignPrincipal) {
        let joins = match foreign::crosses(&lane.configuration) {
            true => "nobody with its SID is provisioned",
            false => "`[references] cross-domain` is off",
        };
        return format!("it stands for a principal of another domain, and {joins}");
    }
    let (decision, reason) = case.decide(lane, context);
    match decision {
        Decision::Create(_)
        | Decision::Join(..)
        | Decision::Restore(..)
        | Decision::Update { .. }
        | Decision::Unchanged => "it has not been provisioned yet".to_owned(),
        _ => reason.to_string(),
    }
}

/// An object that is not in the directory any more holds no references that could fail.
pub(super) fn forget(
    tx: &mut dyn Write,
    configuration: ConfigurationId,
    source: Guid,
) -> Result<(), StoreError> {
    let scan = Scan::of(StagedReference::from(configuration, source), ASKED);
    loop {
        let rows: Vec<UnresolvedReference> = tx.list(&scan)?;
        let more = rows.len() == ASKED;
        let ids: Vec<Edge> = rows.into_iter().map(|row| row.id).collect();
        tx.remove::<UnresolvedReference>(&ids)?;
        if !more {
            return Ok(());
        }
    }
}

/// What fails of an object's references at present, for whoever asks, and since when.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn of_object(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &Context<'_>,
    source: Guid,
) -> Result<Vec<(Item, i64)>, StoreError> {
    let link: Option<LinkRow> = tx.fetch_one(&(lane.owner(), source))?;
    let Some(link) = link.filter(|link| !link.deleted) else {
        return Ok(Vec::new());
    };
    let prefix = StagedReference::from(lane.configuration.id, source);
    let rows: Vec<UnresolvedReference> = tx.list(&Scan::of(prefix, ASKED))?;
    let mut failing = Failing::new();
    let mut since: Vec<i64> = Vec::new();
    for UnresolvedReference { id, since: at } in rows {
        let key = (link.object, source, id.2);
        if !failing.contains_key(&key) {
            since.push(at);
        }
        failing.entry(key).or_insert((id.3, 0)).1 += 1;
    }
    let items = items(tx, lane, context, failing)?;
    Ok(items.into_iter().zip(since).collect())
}
