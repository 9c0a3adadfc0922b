//! What arrows connect, drawn in layers: ranks, order, heights, lanes (after Sugiyama, Tagawa and Toda).

use super::{
    Point,
    columns::Columns,
    crossing, lanes,
    pack::{Item, ItemKind, Link, Placed, Spot},
    rank, settle,
};

/// A column that is less high is never made several.
const HEIGHT_MIN: f64 = 5_000.0;

/// A column is made several where it is so many times as high as would be good.
const HEIGHT_EXCESS: f64 = 1.3;

/// How many times wider than high a component is when there is a choice: less than a screen is, as a page is read downwards,
/// and as every further column is one that arrows must pass.
const ASPECT: f64 = 0.7;

/// How wide a gutter is, and how far boxes are apart, about.
const GUTTER_WIDTH: i32 = 70;
const BOX_DISTANCE: i32 = 30;

/// Places the items of a component and draws its links.
pub(crate) fn place(items: &[Item], links: &[Link]) -> Placed {
    let mut ranks = ranks(items, links);
    let order: Vec<usize> = (0..items.len()).collect();
    let mut columns = Columns::new(items, links, &ranks, &order);
    crossing::order(&mut columns);
    if let Some((split, order)) = split(items, links, &columns, &ranks) {
        ranks = split;
        columns = Columns::new(items, links, &ranks, &order);
        crossing::order(&mut columns);
    }
    let heights = settle::settle(&columns);
    draw(items, &columns, &heights)
}

/// Ranks items; those on the container's edges are left and right of all others.
fn ranks(items: &[Item], links: &[Link]) -> Vec<usize> {
    let boxes: Vec<usize> = (0..items.len()).filter(|item| !items[*item].is_border()).collect();
    let place = |item: usize| boxes.binary_search(&item).ok();
    let pairs: Vec<(usize, usize)> =
        links.iter().filter_map(|link| Some((place(link.source.0)?, place(link.target.0)?))).collect();
    let found = rank::ranks(boxes.len(), &pairs);
    let first = usize::from(items.iter().any(|item| item.kind == ItemKind::Entry));
    let last = found.iter().max().map_or(first, |last| last + first + 1);
    let mut ranks: Vec<usize> =
        items.iter().map(|item| if item.kind == ItemKind::Exit { last } else { 0 }).collect();
    for (item, rank) in boxes.into_iter().zip(found) {
        ranks[item] = rank + first;
    }
    ranks
}

/// Makes several columns of each that is much higher than the picture should be, and returns the new ranks and the order of
/// all items; None when all are fine.
fn split(
    items: &[Item],
    links: &[Link],
    columns: &Columns,
    ranks: &[usize],
) -> Option<(Vec<usize>, Vec<usize>)> {
    let area: f64 = items
        .iter()
        .map(|item| f64::from(item.width + GUTTER_WIDTH) * f64::from(item.height + BOX_DISTANCE))
        .sum();
    let tallest = items.iter().map(|item| item.height).max().unwrap_or(0);
    let good = (area / ASPECT).sqrt().max(HEIGHT_MIN).max(f64::from(tallest));
    let mut split = ranks.to_vec();
    // How far down each item is, as a part of its column: kept, so that what is level stays so.
    let mut level = vec![0.0; items.len()];
    let mut heights = Vec::new();
    for column in &columns.columns {
        let in_column: Vec<usize> = column.iter().filter_map(|cell| columns.cells[*cell].item).collect();
        let height_of = |item: &usize| if items[*item].is_border() { 0.0 } else { room(&items[*item]) };
        let height: f64 = in_column.iter().map(height_of).sum();
        let parts = if height > good * HEIGHT_EXCESS { (height / good).ceil() as usize } else { 1 };
        let first = heights.len();
        heights.resize(first + parts, 0.0);
        // By turns, so that neighbours stay at one height and the order reads as lines do.
        for (place, item) in in_column.iter().enumerate() {
            split[*item] = first + place % parts;
            level[*item] = place as f64 / in_column.len() as f64;
            heights[split[*item]] += height_of(item);
        }
    }
    if heights.len() == columns.columns.len() {
        return None;
    }
    draw_near(items, links, &mut split, &mut heights, good);
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|one, other| level[*one].total_cmp(&level[*other]));
    Some((split, order))
}

/// How high an item is, with what is between it and the next.
fn room(item: &Item) -> f64 {
    f64::from(item.height + BOX_DISTANCE)
}

/// Moves items that have arrows at one side only to the nearest column at that side that has room.
fn draw_near(items: &[Item], links: &[Link], split: &mut [usize], heights: &mut [f64], good: f64) {
    let (mut sources, mut targets) = (vec![Vec::new(); items.len()], vec![Vec::new(); items.len()]);
    for link in links {
        sources[link.target.0].push(link.source.0);
        targets[link.source.0].push(link.target.0);
    }
    for item in 0..items.len() {
        let from = split[item];
        let near = match (sources[item].as_slice(), targets[item].as_slice()) {
            _ if items[item].is_border() => None,
            (sources, []) => {
                let first = sources.iter().map(|source| split[*source] + 1).max().unwrap_or(from);
                (first..from).find(|column| heights[*column] + room(&items[item]) <= good)
            }
            ([], targets) => {
                let last = targets.iter().map(|target| split[*target]).min().unwrap_or(from);
                (from + 1..last).rfind(|column| heights[*column] + room(&items[item]) <= good)
            }
            _ => None,
        };
        if let Some(near) = near {
            heights[from] -= room(&items[item]);
            heights[near] += room(&items[item]);
            split[item] = near;
        }
    }
}

/// Gives columns their places from the left to the right, and links their corners.
fn draw(items: &[Item], columns: &Columns, heights: &settle::Heights) -> Placed {
    let has_stub: Vec<bool> = columns
        .columns
        .iter()
        .map(|column| {
            column.iter().any(|cell| columns.cells[*cell].item.is_some_and(|item| items[item].has_stub))
        })
        .collect();
    let gutters = lanes::gutters(columns, heights, &has_stub);
    let widths: Vec<i32> = columns
        .columns
        .iter()
        .map(|column| {
            let item = |cell: &usize| columns.cells[*cell].item;
            column.iter().filter_map(item).map(|item| items[item].width).max().unwrap_or(0)
        })
        .collect();
    // Boxes without contents are as wide as the widest of them in their column.
    let leaf_widths: Vec<i32> = columns
        .columns
        .iter()
        .map(|column| {
            let items = column.iter().filter_map(|cell| Some(&items[columns.cells[*cell].item?]));
            items.filter(|item| item.kind == ItemKind::Leaf).map(|item| item.width).max().unwrap_or(0)
        })
        .collect();
    let mut lefts = Vec::with_capacity(widths.len());
    let mut x = gutters[0].width;
    for (width, gutter) in widths.iter().zip(&gutters[1..]) {
        lefts.push(x);
        x += width + gutter.width;
    }
    let mut spots = vec![Spot::default(); items.len()];
    let mut height = 0;
    for (place, cell) in columns.cells.iter().enumerate() {
        height = height.max(heights.cells[place] + cell.height);
        if let Some(item) = cell.item {
            let width = match items[item].kind {
                ItemKind::Leaf => leaf_widths[cell.column],
                _ => items[item].width,
            };
            spots[item] = Spot { x: lefts[cell.column], y: heights.cells[place], width };
        }
    }
    let x_of = |pin: &super::columns::Pin| {
        let cell = &columns.cells[pin.cell];
        let width = cell.item.map_or(widths[cell.column], |item| spots[item].width);
        lefts[cell.column] + if pin.is_left { width } else { 0 }
    };
    let routes = columns
        .ways
        .iter()
        .map(|way| {
            let mut route = Vec::new();
            for step in way.iter().map(|step| &columns.steps[*step]) {
                let left = match step.gutter {
                    0 => 0,
                    gutter => lefts[gutter - 1] + widths[gutter - 1],
                };
                let lane = left + gutters[step.gutter].lane(step.net);
                let (from, to) = (heights.of(step.from), heights.of(step.to));
                route.push(Point { x: x_of(&step.from), y: from });
                if from != to {
                    route.push(Point { x: lane, y: from });
                    route.push(Point { x: lane, y: to });
                }
                route.push(Point { x: x_of(&step.to), y: to });
            }
            route
        })
        .collect();
    Placed { spots, routes, width: x, height }
}
