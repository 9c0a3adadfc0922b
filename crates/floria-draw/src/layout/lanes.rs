//! Where arrows run up and down: in lanes between columns.

use std::collections::HashMap;

use super::{STUB, columns::Columns, settle::Heights};

/// Between lanes.
const LANE: i32 = 8;

/// Between a box and the first lane, and between the last lane and the next box: there are arrows' heads.
const BEFORE: i32 = 18;
const AFTER: i32 = 24;

/// A gutter: how wide it is, and where in it each net has its lane.
#[derive(Debug, Default)]
pub(crate) struct Gutter {
    pub(crate) width: i32,
    lanes: HashMap<usize, i32>,
}

impl Gutter {
    /// Returns how far right of the gutter's left edge a net runs up or down.
    pub(crate) fn lane(&self, net: usize) -> i32 {
        self.lanes.get(&net).copied().unwrap_or(self.width / 2)
    }
}

/// What one net does in one gutter.
struct Span {
    net: usize,
    upper: i32,
    lower: i32,
    /// The mean height of what it is linked with at the left, and at the right.
    left: f64,
    right: f64,
}

/// Finds lanes for all gutters. Gutter 0 is left of the first column; `has_stub` says in which columns arrows to nowhere start.
pub(crate) fn gutters(columns: &Columns, heights: &Heights, has_stub: &[bool]) -> Vec<Gutter> {
    let count = columns.columns.len() + 1;
    let mut spans: Vec<Vec<Span>> = (0..count).map(|_| Vec::new()).collect();
    let mut known: HashMap<(usize, usize), usize> = HashMap::new();
    let mut ends: Vec<Vec<[(f64, f64); 2]>> = vec![Vec::new(); count];
    let mut is_used = vec![false; count];
    for step in &columns.steps {
        is_used[step.gutter] = true;
        let (from, to) = (heights.of(step.from), heights.of(step.to));
        let of_gutter = &mut spans[step.gutter];
        let place = *known.entry((step.gutter, step.net)).or_insert_with(|| {
            of_gutter.push(Span { net: step.net, upper: i32::MAX, lower: i32::MIN, left: 0.0, right: 0.0 });
            ends[step.gutter].push([(0.0, 0.0); 2]);
            of_gutter.len() - 1
        });
        let span = &mut of_gutter[place];
        span.upper = span.upper.min(from).min(to);
        span.lower = span.lower.max(from).max(to);
        for (pin, height) in [(step.from, from), (step.to, to)] {
            let (sum, number) = &mut ends[step.gutter][place][usize::from(!pin.is_left)];
            (*sum, *number) = (*sum + f64::from(height), *number + 1.0);
        }
    }
    let last = count - 1;
    spans
        .into_iter()
        .zip(ends)
        .enumerate()
        .map(|(gutter, (mut spans, ends))| {
            for (span, [left, right]) in spans.iter_mut().zip(ends) {
                let mean = |(sum, number): (f64, f64), other: (f64, f64)| {
                    if number > 0.0 { sum / number } else { other.0 / other.1 }
                };
                (span.left, span.right) = (mean(left, right), mean(right, left));
            }
            // What is straight needs no lane.
            spans.retain(|span| span.upper < span.lower);
            let (lanes, number) = lanes(spans);
            let stub = gutter > 0 && has_stub[gutter - 1];
            let before = if stub { STUB + BEFORE } else { BEFORE };
            let width = match (is_used[gutter], stub) {
                (true, _) => before + LANE * (number - 1).max(0) + AFTER,
                (false, true) if gutter == last => STUB + BEFORE / 2,
                (false, true) => STUB + BEFORE,
                (false, false) if gutter == 0 || gutter == last => 0,
                (false, false) => BEFORE + AFTER,
            };
            let lanes = lanes.into_iter().map(|(net, lane)| (net, before + LANE * lane)).collect();
            Gutter { width, lanes }
        })
        .collect()
}

/// Gives each span a lane, from 0, and returns how many there are. Two that overlap never share one.
fn lanes(mut spans: Vec<Span>) -> (Vec<(usize, i32)>, i32) {
    // Going up, the upper one turns first; going down, the lower one does: then they do not cross.
    spans.sort_by(|one, other| {
        let goes_down = |span: &Span| span.right > span.left;
        goes_down(one).cmp(&goes_down(other)).then_with(|| {
            let order = one.left.total_cmp(&other.left);
            if goes_down(one) { order.reverse() } else { order }
        })
    });
    // Of each lane, the spans in it.
    let mut taken: Vec<Vec<(i32, i32)>> = Vec::new();
    let mut lanes = Vec::with_capacity(spans.len());
    for span in spans {
        let overlaps = |other: &(i32, i32)| span.upper <= other.1 + LANE && other.0 <= span.lower + LANE;
        // Right of all that it overlaps, to keep the order.
        let lane = taken.iter().rposition(|lane| lane.iter().any(overlaps)).map_or(0, |lane| lane + 1);
        if lane == taken.len() {
            taken.push(Vec::new());
        }
        taken[lane].push((span.upper, span.lower));
        lanes.push((span.net, lane as i32));
    }
    let count = taken.len() as i32;
    (lanes, count)
}
