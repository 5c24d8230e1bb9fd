//! Lines of a result: an object, then the items of its nested list. Asked to be grouped; the items
//! name their object in `__parentId`.

use std::collections::{BTreeMap, VecDeque};

use crosspoint_sdk::map::json::Json;

use crate::entity::Entity;

/// An object with its items.
pub(super) struct Group {
    pub(super) node: Json,
    /// How many items came with it.
    pub(super) items: usize,
    /// Where the next object begins in the file.
    pub(super) end: u64,
}

/// Cuts a file into groups as it arrives.
pub(super) struct Groups {
    entity: Entity,
    /// Where the first byte that is not yet cut into lines stands in the file.
    offset: u64,
    buffer: Vec<u8>,
    whole: Option<u64>,
    /// Lines with the position behind them.
    lines: VecDeque<(u64, Json)>,
    /// The last object that a line held.
    current: Option<String>,
    is_scattered: bool,
    ready: Option<VecDeque<Group>>,
}

impl Groups {
    pub(super) fn new(entity: Entity, offset: u64) -> Self {
        Self {
            entity,
            offset,
            buffer: Vec::new(),
            whole: None,
            lines: VecDeque::new(),
            current: None,
            is_scattered: false,
            ready: None,
        }
    }

    /// Bytes of the file that arrived, from its beginning.
    pub(super) fn fetched(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// All of the file arrived.
    pub(super) fn is_at_end(&self) -> bool {
        self.whole.is_some_and(|whole| self.fetched() >= whole)
    }

    /// An item came that does not belong to the object before it.
    pub(super) fn is_scattered(&self) -> bool {
        self.is_scattered
    }

    /// Takes the next bytes; `whole` is the file's length, where it is known. Nothing more means
    /// the end.
    pub(super) fn push(&mut self, bytes: &[u8], whole: Option<u64>) {
        self.buffer.extend_from_slice(bytes);
        let end_here = self.offset + self.buffer.len() as u64;
        self.whole = match whole {
            Some(whole) if !bytes.is_empty() => Some(whole),
            _ if bytes.is_empty() => Some(end_here),
            _ => self.whole,
        };
        let mut cut = 0;
        let is_end = self.is_at_end();
        while cut < self.buffer.len() {
            let rest = &self.buffer[cut..];
            let length = match rest.iter().position(|byte| *byte == b'\n') {
                Some(at) => at + 1,
                None if is_end => rest.len(),
                None => break,
            };
            let line = String::from_utf8_lossy(&rest[..length]);
            let line = line.trim();
            let end = self.offset + (cut + length) as u64;
            cut += length;
            if line.is_empty() {
                continue;
            }
            // What is no JSON is kept as text: it becomes an object that is rejected.
            let node = Json::parse(line).unwrap_or_else(|_| Json::Text(line.to_owned()));
            match node.text_at("__parentId") {
                Some(parent) => {
                    self.is_scattered |= self.current.as_deref() != Some(parent);
                }
                None => self.current = node.text_at("id").map(str::to_owned),
            }
            self.lines.push_back((end, node));
        }
        self.buffer.drain(..cut);
        self.offset += cut as u64;
    }

    /// The next object, if it is surely complete.
    pub(super) fn next(&mut self) -> Option<Group> {
        if let Some(ready) = &mut self.ready {
            return ready.pop_front();
        }
        let is_item = |(_, node): &(u64, Json)| node.text_at("__parentId").is_some();
        let items = self
            .lines
            .iter()
            .skip(1)
            .take_while(|line| is_item(line))
            .count();
        let is_complete =
            items + 1 < self.lines.len() || (self.is_at_end() && self.buffer.is_empty());
        if !is_complete {
            return None;
        }
        let (mut end, node) = self.lines.pop_front()?;
        let mut list = Vec::with_capacity(items);
        for (after, item) in self.lines.drain(..items) {
            end = after;
            list.push(item);
        }
        Some(group(self.entity, node, list, end))
    }

    /// Joins items and objects of the whole file, wherever they stand; leaves out the objects
    /// before `position`.
    pub(super) fn put_together(&mut self, position: u64) {
        let mut items: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        let mut objects = Vec::new();
        let mut start = 0;
        for (end, node) in self.lines.drain(..) {
            match node.text_at("__parentId") {
                Some(parent) => items.entry(parent.to_owned()).or_default().push(node),
                None => objects.push((start, node)),
            }
            start = end;
        }
        let ends: Vec<_> = objects
            .iter()
            .skip(1)
            .map(|(start, _)| *start)
            .chain([start])
            .collect();
        let joined = objects.into_iter().zip(ends);
        let wanted = joined.filter(|((start, _), _)| *start >= position);
        self.ready = Some(
            wanted
                .map(|((_, node), end)| {
                    let own = node.text_at("id").and_then(|id| items.remove(id));
                    group(self.entity, node, own.unwrap_or_default(), end)
                })
                .collect(),
        );
    }
}

fn group(entity: Entity, mut node: Json, mut items: Vec<Json>, end: u64) -> Group {
    let count = items.len();
    for item in &mut items {
        if let Json::Object(members) = item {
            members.retain(|(name, _)| name != "__parentId");
        }
    }
    if let (Some(nested), Json::Object(members)) = (entity.nested(), &mut node) {
        members.retain(|(name, _)| name != nested.field);
        let list = Json::Object(vec![("nodes".to_owned(), Json::List(items))]);
        members.push((nested.field.to_owned(), list));
    }
    Group {
        node,
        items: count,
        end,
    }
}

/// Empties the nested list and says that there is more of it, so that all of it is asked for.
pub(super) fn forget_items(entity: Entity, node: &mut Json) {
    if let (Some(nested), Json::Object(members)) = (entity.nested(), node)
        && let Some((_, list)) = members.iter_mut().find(|(name, _)| name == nested.field)
        && !nested.root.is_empty()
    {
        let info = Json::Object(vec![("hasNextPage".to_owned(), Json::Bool(true))]);
        *list = Json::Object(vec![
            ("pageInfo".to_owned(), info),
            ("nodes".to_owned(), Json::List(Vec::new())),
        ]);
    }
}
