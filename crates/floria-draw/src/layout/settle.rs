//! How far down each cell of a column is: such that arrows are straight.

use super::columns::{Columns, Pin, WAY};

/// Half a line: all heights and distances are multiples of it, so boxes are at multiples of it too.
const GRID: i32 = 10;

/// How often the columns are gone through.
const SWEEPS: usize = 8;

/// How often cells are moved to where their arrows are straight.
const ALIGNMENTS: usize = 3;

/// Of a cell with more arrows than this, the others have no say in that.
const NEIGHBOURS_MAX: usize = 12;

/// What a bend costs, in pixels of length.
const BEND: i32 = 40;

/// How much more a way holds on to being straight than a box.
const WEIGHT_OF_WAY: f64 = 4.0;

/// How far an arrow may end from its place at a box, so that it is straight.
const NUDGE_MAX: i32 = 6;

/// Where cells and pins are.
#[derive(Debug)]
pub(crate) struct Heights {
    /// The upper edge of each cell; of a line, the line itself.
    pub(crate) cells: Vec<i32>,
    /// How much higher or lower the targets of steps are than they would be.
    nudges: std::collections::HashMap<(usize, i32), i32>,
}

impl Heights {
    /// Returns how far down a pin is.
    pub(crate) fn of(&self, pin: Pin) -> i32 {
        self.cells[pin.cell] + pin.y + self.nudges.get(&(pin.cell, pin.y)).copied().unwrap_or(0)
    }
}

/// Finds a height for each cell.
pub(crate) fn settle(columns: &Columns) -> Heights {
    let count = columns.cells.len();
    let mut linked: Vec<[Vec<(i32, Pin)>; 2]> = (0..count).map(|_| [Vec::new(), Vec::new()]).collect();
    for step in &columns.steps {
        for (own, other) in [(step.from, step.to), (step.to, step.from)] {
            linked[own.cell][usize::from(own.is_left)].push((own.y, other));
        }
    }
    let mut tops = vec![0.0_f64; count];
    for column in &columns.columns {
        let distances = distances(columns, column);
        let height: i32 = distances.iter().sum();
        let mut top = -f64::from(height) / 2.0;
        for (cell, distance) in column.iter().zip(&distances) {
            tops[*cell] = top;
            top += f64::from(*distance);
        }
    }
    for sweep in 0..SWEEPS {
        let rightwards = sweep % 2 == 0;
        // The last two look both ways.
        let is_last = sweep + 2 >= SWEEPS;
        for step in 0..columns.columns.len() {
            let column = if rightwards { step } else { columns.columns.len() - 1 - step };
            let sides: &[usize] = if is_last { &[0, 1] } else { &[if rightwards { 0 } else { 1 }] };
            settle_column(columns, &columns.columns[column], &linked, sides, &mut tops);
        }
    }
    let cells = tops.iter().map(|top| (top / f64::from(GRID)).round() as i32 * GRID).collect();
    let mut heights = Heights { cells, nudges: std::collections::HashMap::new() };
    for _ in 0..ALIGNMENTS {
        align(columns, &linked, &mut heights.cells);
    }
    let least =
        columns.columns.iter().filter_map(|column| column.first()).map(|cell| heights.cells[*cell]).min();
    for cell in &mut heights.cells {
        *cell -= least.unwrap_or(0);
    }
    straighten(columns, &mut heights);
    heights
}

/// Moves cells, as far as there is room, to where the most of their arrows are straight and the others short.
fn align(columns: &Columns, linked: &[[Vec<(i32, Pin)>; 2]], cells: &mut [i32]) {
    for column in &columns.columns {
        for (place, cell) in column.iter().enumerate() {
            let pins = || linked[*cell].iter().flatten().take(NEIGHBOURS_MAX);
            let above = place.checked_sub(1).map(|place| column[place]);
            let least = above.map_or(i32::MIN, |above| cells[above] + columns.distance(above, *cell));
            let below = column.get(place + 1);
            let most = below.map_or(i32::MAX, |below| cells[*below] - columns.distance(*cell, *below));
            let wish = |(own, other): &(i32, Pin)| cells[other.cell] + level(other.y) - level(*own);
            let cost = |top: i32| {
                let each = |pin| match (wish(pin) - top).abs() {
                    0 => 0,
                    difference => BEND + difference,
                };
                pins().map(each).sum::<i32>()
            };
            let tops = pins().map(wish).filter(|top| (least..=most).contains(top));
            if let Some(top) = tops.min_by_key(|top| (cost(*top), *top))
                && cost(top) < cost(cells[*cell])
            {
                cells[*cell] = top;
            }
        }
    }
}

/// Where arrows start and where they end in a line differ by less than what they can be nudged.
fn level(y: i32) -> i32 {
    (y + GRID / 2).div_euclid(GRID) * GRID
}

fn distances(columns: &Columns, column: &[usize]) -> Vec<i32> {
    let mut distances: Vec<i32> = column.windows(2).map(|pair| columns.distance(pair[0], pair[1])).collect();
    distances.extend(column.last().map(|cell| columns.cells[*cell].height));
    distances
}

/// Moves the cells of a column to where their arrows are straight, as far as they leave each other room: that with the least
/// sum of squares of what is missing. Cells that push each other move as one (pool adjacent violators).
fn settle_column(
    columns: &Columns,
    column: &[usize],
    linked: &[[Vec<(i32, Pin)>; 2]],
    sides: &[usize],
    tops: &mut [f64],
) {
    struct Pool {
        wish: f64,
        weight: f64,
        cells: usize,
    }
    let distances = distances(columns, column);
    let mut pools: Vec<Pool> = Vec::new();
    let mut offset = 0.0;
    for (cell, distance) in column.iter().zip(&distances) {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (own, other) in sides.iter().flat_map(|side| &linked[*cell][*side]) {
            let is_way = columns.cells[*cell].item.is_none() && columns.cells[other.cell].item.is_none();
            let each = if is_way { WEIGHT_OF_WAY } else { 1.0 };
            sum += each * (tops[other.cell] + f64::from(level(other.y) - level(*own)));
            weight += each;
        }
        let (wish, weight) = if weight > 0.0 { (sum / weight, weight) } else { (tops[*cell], 0.1) };
        let mut pool = Pool { wish: wish - offset, weight, cells: 1 };
        while let Some(above) = pools.pop_if(|above| above.wish > pool.wish) {
            let weight = above.weight + pool.weight;
            pool = Pool {
                wish: (above.wish * above.weight + pool.wish * pool.weight) / weight,
                weight,
                cells: above.cells + pool.cells,
            };
        }
        pools.push(pool);
        offset += f64::from(*distance);
    }
    let mut cells = column.iter().zip(&distances);
    let mut offset = 0.0;
    for pool in pools {
        for (cell, distance) in cells.by_ref().take(pool.cells) {
            tops[*cell] = pool.wish + offset;
            offset += f64::from(*distance);
        }
    }
}

/// Gives lines their place in their slots, and takes out small steps.
///
/// What is at the left of a gutter and what is at its right are at different heights (a box's sources end in 2, its targets in
/// 8, lines in 0 or 5 by turns) unless they are linked and level: so no arrow runs in the line of another.
fn straighten(columns: &Columns, heights: &mut Heights) {
    let mut arriving: Vec<Vec<(i32, Pin)>> = vec![Vec::new(); columns.cells.len()];
    for step in columns.steps.iter().filter(|step| step.from.is_left != step.to.is_left) {
        let (left, right) = if step.from.is_left { (step.from, step.to) } else { (step.to, step.from) };
        arriving[right.cell].push((right.y, left));
    }
    for (place, column) in columns.columns.iter().enumerate() {
        for cell in column {
            let top = heights.cells[*cell];
            if columns.cells[*cell].is_line {
                let slot = top..top + WAY - 1;
                let level = arriving[*cell].iter().map(|(_, pin)| heights.of(*pin));
                let level = level.into_iter().find(|height| slot.contains(height));
                heights.cells[*cell] = level.unwrap_or(top + if place % 2 == 0 { 0 } else { 5 });
                continue;
            }
            for (y, left) in &arriving[*cell] {
                let difference = heights.of(*left) - (top + y);
                // The first that can be straight is; two that arrive at one place arrive there.
                if difference.abs() <= NUDGE_MAX {
                    heights.nudges.entry((*cell, *y)).or_insert(difference);
                }
            }
        }
    }
}
