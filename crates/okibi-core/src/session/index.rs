//! Where each name is in a list of entries, found without going through them all.

use alloc::vec::Vec;

use crate::{record::Entry, text::Text};

/// So long a row gets before it is two.
const LONGEST_ROW: usize = 256;

/// The places of entries, sorted by name, in rows that are short enough for a new place to move few others. (The standard
/// library's ordered map is 6 KB of the WebAssembly module, and a hash would want a secret.)
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    rows: Vec<Vec<usize>>,
}

impl Index {
    /// The index of these entries.
    pub(crate) fn of(entries: &[Option<Entry>]) -> Self {
        let mut index = Self::default();
        (0..entries.len()).for_each(|place| index.insert(entries, place));
        index
    }

    /// The place of the entry that has this name.
    pub(crate) fn find(&self, entries: &[Option<Entry>], name: &Text) -> Option<usize> {
        let (row, column) = self.position(entries, name);
        let place = *self.rows.get(row)?.get(column)?;
        (name_at(entries, place) == Some(name)).then_some(place)
    }

    /// Takes in a place, whose name no other place has.
    pub(crate) fn insert(&mut self, entries: &[Option<Entry>], place: usize) {
        let Some(name) = name_at(entries, place) else { return };
        let (at, column) = self.position(entries, name);
        let Some(row) = self.rows.get_mut(at) else {
            self.rows.push([place].into());
            return;
        };
        row.insert(column.min(row.len()), place);
        if row.len() > LONGEST_ROW {
            let rest = row.split_off(LONGEST_ROW / 2);
            self.rows.insert(at + 1, rest);
        }
    }

    /// Forgets the place of a name, before its entry goes.
    pub(crate) fn remove(&mut self, entries: &[Option<Entry>], place: usize) {
        let Some(name) = name_at(entries, place) else { return };
        let (at, column) = self.position(entries, name);
        let Some(row) = self.rows.get_mut(at) else { return };
        if row.get(column) == Some(&place) {
            row.remove(column);
        }
        if row.is_empty() {
            self.rows.remove(at);
        }
    }

    /// The row and the place in it where this name is, or would be.
    fn position(&self, entries: &[Option<Entry>], name: &Text) -> (usize, usize) {
        let after =
            self.rows.partition_point(|row| row.first().and_then(|place| name_at(entries, *place)) <= Some(name));
        let at = after.saturating_sub(1);
        let column =
            self.rows.get(at).map_or(0, |row| row.partition_point(|place| name_at(entries, *place) < Some(name)));
        (at, column)
    }
}

fn name_at(entries: &[Option<Entry>], place: usize) -> Option<&Text> {
    entries.get(place)?.as_ref().map(|entry| &entry.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use alloc::{borrow::ToOwned as _, collections::BTreeMap, format, vec::Vec};

    use super::{Entry, Index, Text};

    #[test]
    fn it_finds_what_a_map_finds() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for names in [1, 5, 300, 3_000] {
            let (mut entries, mut index, mut map) = (Vec::new(), Index::default(), BTreeMap::new());
            for _ in 0..20_000 {
                let name = Text::from(format!("name {}", random(names)));
                let found = index.find(&entries, &name);
                assert_eq!(found, map.get(name.as_str()).copied());
                match found {
                    Some(place) if random(3) > 0 => {
                        index.remove(&entries, place);
                        *entries.get_mut(place).unwrap() = None;
                        map.remove(name.as_str());
                    }
                    Some(_) => {}
                    None => {
                        map.insert(name.as_str().to_owned(), entries.len());
                        entries.push(Some(Entry { name, value: Text::from("1"), flash: false }));
                        index.insert(&entries, entries.len() - 1);
                    }
                }
            }
            let whole = Index::of(&entries);
            for (name, place) in &map {
                assert_eq!(whole.find(&entries, &Text::from(name.as_str())), Some(*place));
            }
            assert_eq!(whole.rows.iter().map(Vec::len).sum::<usize>(), map.len());
            assert!(whole.rows.iter().all(|row| !row.is_empty() && row.len() <= super::LONGEST_ROW));
        }
    }
}
