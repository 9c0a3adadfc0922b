//! The order within columns: such that few arrows cross.

use super::columns::{Columns, Pin};

/// How often the columns are gone through, at most: further ones hardly find anything.
const SWEEPS_MAX: usize = 12;

/// How often at least: where nothing crosses, arrows may be longer than they need to be.
const SWEEPS_MIN: usize = 2;

/// After so many sweeps in a row that found nothing better, none is expected.
const FRUITLESS_MAX: usize = 4;

/// Orders the cells of each column: each goes to the mean of what it is linked with (the barycenter heuristic), and of the
/// orders that come of it the one with the fewest crossings is kept.
pub(crate) fn order(columns: &mut Columns) {
    // By cell: its own pins and those that they are linked with, at its left and its right.
    let mut linked: Vec<[Vec<(Pin, Pin)>; 2]> =
        columns.cells.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for step in &columns.steps {
        for (own, other) in [(step.from, step.to), (step.to, step.from)] {
            linked[own.cell][usize::from(own.is_left)].push((own, other));
        }
    }
    let mut by_gutter: Vec<Vec<(Pin, Pin)>> = vec![Vec::new(); columns.columns.len() + 1];
    for step in columns.steps.iter().filter(|step| step.from.is_left != step.to.is_left) {
        let (left, right) = if step.from.is_left { (step.from, step.to) } else { (step.to, step.from) };
        by_gutter[step.gutter].push((left, right));
    }
    let mut places = columns.places();
    let mut best = (crossings(&by_gutter, &places), columns.columns.clone());
    let mut fruitless = 0;
    for sweep in 0..SWEEPS_MAX {
        let is_first = sweep < SWEEPS_MIN;
        if !is_first && (best.0 == 0 || fruitless == FRUITLESS_MAX) {
            break;
        }
        let rightwards = sweep % 2 == 0;
        let count = columns.columns.len();
        for step in 0..count {
            let column = if rightwards { step } else { count - 1 - step };
            sort(columns, column, &linked, usize::from(!rightwards), &mut places);
        }
        let found = crossings(&by_gutter, &places);
        if found < best.0 || (is_first && found == best.0) {
            best = (found, columns.columns.clone());
            fruitless = 0;
        } else {
            fruitless += 1;
        }
    }
    columns.columns = best.1;
}

/// Sorts the cells of a column by where those are that they are linked with at this side, as a part of their columns; what has
/// none there is where it is.
fn sort(
    columns: &mut Columns,
    column: usize,
    linked: &[[Vec<(Pin, Pin)>; 2]],
    side: usize,
    places: &mut [usize],
) {
    let part = |cell: usize, within: f64| {
        let length = columns.columns[columns.cells[cell].column].len();
        (places[cell] as f64 + within) / length as f64
    };
    // How far down in its cell a pin is, so that what ends at one box is in the order in which it ends there.
    let within = |pin: &Pin| {
        let cell = &columns.cells[pin.cell];
        if cell.is_line { 0.5 } else { f64::from(pin.y) / f64::from(cell.height.max(1)) }
    };
    let mut cells: Vec<(f64, usize)> = columns.columns[column]
        .iter()
        .map(|cell| {
            let pins = &linked[*cell][side];
            let sum: f64 = pins.iter().map(|(_, other)| part(other.cell, within(other))).sum();
            (if pins.is_empty() { part(*cell, 0.5) } else { sum / pins.len() as f64 }, *cell)
        })
        .collect();
    // Equal ones keep their order.
    cells.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (place, (_, cell)) in cells.into_iter().enumerate() {
        columns.columns[column][place] = cell;
        places[cell] = place;
    }
}

/// Counts how many pairs of steps cross between columns.
fn crossings(by_gutter: &[Vec<(Pin, Pin)>], places: &[usize]) -> u64 {
    let mut count = 0;
    for steps in by_gutter {
        let mut pairs: Vec<((usize, i32), (usize, i32))> = steps
            .iter()
            .map(|(left, right)| ((places[left.cell], left.y), (places[right.cell], right.y)))
            .collect();
        pairs.sort_unstable();
        let mut rights: Vec<(usize, i32)> = pairs.iter().map(|(_, right)| *right).collect();
        rights.sort_unstable();
        rights.dedup();
        let mut tree = vec![0_u64; rights.len() + 1];
        for (seen, (_, right)) in pairs.iter().enumerate() {
            let rank = rights.partition_point(|other| other < right) + 1;
            // Those before it that end at the same place or above.
            let (mut above, mut place) = (0, rank);
            while place > 0 {
                above += tree[place];
                place &= place - 1;
            }
            count += seen as u64 - above;
            let mut place = rank;
            while place < tree.len() {
                tree[place] += 1;
                place += place & place.wrapping_neg();
            }
        }
    }
    count
}
