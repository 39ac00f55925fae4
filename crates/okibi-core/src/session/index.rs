//! An index of entries by name, so that a name is found without a search through all entries.

use alloc::vec::Vec;

use crate::{record::Entry, text::Text};

/// The most positions in a row. A longer row is split in two.
const LONGEST_ROW: usize = 256;

/// The positions of entries, sorted by name, in short rows, so that an insert moves few positions.
/// (The ordered map of the standard library is 6 KB of the WebAssembly module, and a hash map needs
/// a random key.)
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

    /// The position of the entry with this name.
    pub(crate) fn find(&self, entries: &[Option<Entry>], name: &Text) -> Option<usize> {
        let (row, column) = self.position(entries, name);
        let place = *self.rows.get(row)?.get(column)?;
        (name_at(entries, place) == Some(name)).then_some(place)
    }

    /// Inserts a position. No other position has its name.
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

    /// Removes a position. Call it before the entry is removed.
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

    /// The row of this name, and the column in the row: where the name is, or where it would be
    /// inserted.
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
    fn an_index_finds_the_same_as_a_map() {
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
