//! The columns of a component: boxes, and the ways that arrows have through columns that they pass.

use std::collections::HashMap;

use super::pack::{Item, Link};

/// How high the way of an arrow through a column is.
pub(crate) const WAY: i32 = 10;

/// Something in a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// The item, if it is none of the ways.
    pub(crate) item: Option<usize>,
    /// Whether it is but a line: a way, or an item on the container's edge.
    pub(crate) is_line: bool,
    pub(crate) height: i32,
    pub(crate) column: usize,
}

/// Where a step begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pin {
    pub(crate) cell: usize,
    /// How far below the cell's upper edge; of a line 0.
    pub(crate) y: i32,
    /// Whether the cell is at the left of the gutter.
    pub(crate) is_left: bool,
}

/// A part of a link between two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    /// The gutter: gutter 0 is left of column 0.
    pub(crate) gutter: usize,
    /// Steps of one net share lanes; what runs back has a net of its own.
    pub(crate) net: usize,
    pub(crate) from: Pin,
    pub(crate) to: Pin,
}

/// Columns with what is in them, and the steps between them.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) cells: Vec<Cell>,
    /// From the left to the right, each from above to below.
    pub(crate) columns: Vec<Vec<usize>>,
    /// Each once, also if several links take it.
    pub(crate) steps: Vec<Step>,
    /// The steps of each link, in order.
    pub(crate) ways: Vec<Vec<usize>>,
}

impl Columns {
    /// Puts items into columns: those of `order` first, in that order.
    pub(crate) fn new(items: &[Item], links: &[Link], ranks: &[usize], order: &[usize]) -> Self {
        let mut columns = Self {
            columns: vec![Vec::new(); ranks.iter().max().map_or(0, |last| last + 1)],
            ..Self::default()
        };
        for (place, item) in items.iter().enumerate() {
            let (is_line, height) = if item.is_border() { (true, WAY) } else { (false, item.height) };
            columns.cells.push(Cell { item: Some(place), is_line, height, column: ranks[place] });
        }
        for item in order {
            columns.columns[ranks[*item]].push(*item);
        }
        let mut known = HashMap::new();
        // By net, direction and column.
        let mut lines: HashMap<(usize, bool, usize), usize> = HashMap::new();
        for link in links {
            let (source, target) = (ranks[link.source.0], ranks[link.target.0]);
            let is_back = source >= target;
            let pin = |(item, y): (usize, i32), is_left: bool| Pin { cell: item, y, is_left };
            let mut way = Vec::new();
            let mut from = pin(link.source, true);
            let mut add = |columns: &mut Self, gutter: usize, from: Pin, to: Pin| {
                let step = Step { gutter, net: 2 * link.net + usize::from(is_back), from, to };
                way.push(*known.entry(step).or_insert_with(|| {
                    columns.steps.push(step);
                    columns.steps.len() - 1
                }));
            };
            let passed: Vec<usize> =
                if is_back { (target..=source).rev().collect() } else { (source + 1..target).collect() };
            for column in passed {
                let cell = *lines.entry((link.net, is_back, column)).or_insert_with(|| {
                    columns.cells.push(Cell { item: None, is_line: true, height: WAY, column });
                    columns.columns[column].push(columns.cells.len() - 1);
                    columns.cells.len() - 1
                });
                let gutter = if is_back { column + 1 } else { column };
                add(&mut columns, gutter, from, Pin { cell, y: 0, is_left: is_back });
                from = Pin { cell, y: 0, is_left: !is_back };
            }
            let gutter = if is_back { target } else { target.max(1) };
            add(&mut columns, gutter, from, pin(link.target, false));
            columns.ways.push(way);
        }
        columns
    }

    /// Returns how far apart the upper edges of two cells in one column are, at least.
    pub(crate) fn distance(&self, above: usize, below: usize) -> i32 {
        let (above, below) = (&self.cells[above], &self.cells[below]);
        above.height
            + match (above.is_line, below.is_line) {
                (true, true) => 0,
                (false, false) => 30,
                _ => 10,
            }
    }

    /// Returns the place of each cell in its column.
    pub(crate) fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.cells.len()];
        for column in &self.columns {
            for (place, cell) in column.iter().enumerate() {
                places[*cell] = place;
            }
        }
        places
    }
}
