//! The inside of one container: components in rows.

use super::{Point, component};

/// A box to be placed, or a place on the container's edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) kind: ItemKind,
    /// Whether arrows to nowhere start at it.
    pub(crate) has_stub: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    /// A box that contains none; it may be made wider.
    Leaf,
    /// A box with boxes in it.
    Container,
    /// A place on the container's left edge, where arrows come in.
    Entry,
    /// A place on its right edge, where arrows go out.
    Exit,
}

impl Item {
    pub(crate) fn is_border(&self) -> bool {
        matches!(self.kind, ItemKind::Entry | ItemKind::Exit)
    }
}

/// A part of an arrow: from and to an item, each so far below its upper edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) source: (usize, i32),
    pub(crate) target: (usize, i32),
    pub(crate) net: usize,
}

/// Where an item came to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: i32,
}

/// Items in their places, from 0 rightwards and downwards.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// By item.
    pub(crate) spots: Vec<Spot>,
    /// By link.
    pub(crate) routes: Vec<Vec<Point>>,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

/// How many times wider than high a picture is when there is a choice.
const ASPECT: f64 = 1.6;

/// Between components.
const GAP: i32 = 40;

/// Between boxes that no arrow touches.
const GAP_SINGLE: i32 = 20;

/// Places items and draws links.
pub(crate) fn pack(items: &[Item], links: &[Link]) -> Placed {
    let mut placed = Placed {
        spots: vec![Spot::default(); items.len()],
        routes: vec![Vec::new(); links.len()],
        ..Placed::default()
    };
    let Components { linked, single } = components(items, links);
    let mut blocks: Vec<Block> = linked
        .into_iter()
        .map(|component| {
            let inside: Vec<Item> = component.items.iter().map(|item| items[*item]).collect();
            let place = |(item, y): (usize, i32)| (component.items.partition_point(|other| *other < item), y);
            let links: Vec<Link> = component
                .links
                .iter()
                .map(|link| Link {
                    source: place(links[*link].source),
                    target: place(links[*link].target),
                    net: links[*link].net,
                })
                .collect();
            let placed = component::place(&inside, &links);
            let has_border = inside.iter().any(Item::is_border);
            Block { component, placed, has_border }
        })
        .collect();
    // What touches the container's edges has a row of its own, so that nothing is in its way.
    blocks.sort_by_key(|block| (!block.has_border, std::cmp::Reverse(block.placed.height)));
    let area = |width: i32, height: i32, gap: i32| f64::from(width + gap) * f64::from(height + gap);
    let of_blocks: f64 = blocks.iter().map(|block| area(block.placed.width, block.placed.height, GAP)).sum();
    let of_single: f64 =
        single.iter().map(|item| area(items[*item].width, items[*item].height, GAP_SINGLE)).sum();
    let mut wide = ((of_blocks + of_single) * ASPECT).sqrt() as i32;
    wide = blocks.iter().map(|block| block.placed.width).fold(wide, i32::max);

    let mut shelf = Shelf::default();
    for Block { component, placed: block, has_border } in blocks {
        let corner = shelf.put(block.width, block.height, if has_border { 0 } else { wide }, GAP);
        for (item, spot) in component.items.iter().zip(block.spots) {
            placed.spots[*item] = Spot { x: spot.x + corner.x, y: spot.y + corner.y, ..spot };
        }
        for (link, mut route) in component.links.iter().zip(block.routes) {
            for point in &mut route {
                (point.x, point.y) = (point.x + corner.x, point.y + corner.y);
            }
            placed.routes[*link] = route;
        }
        if has_border {
            shelf.end(GAP);
        }
    }
    if !single.is_empty() {
        shelf.end(GAP);
    }
    grid(items, &single, wide, &mut shelf, &mut placed);
    (placed.width, placed.height) = shelf.size();
    placed
}

struct Block {
    component: Component,
    placed: Placed,
    has_border: bool,
}

/// Places boxes that no arrow touches, in columns of one width.
fn grid(items: &[Item], single: &[usize], wide: i32, shelf: &mut Shelf, placed: &mut Placed) {
    let stub = |item: &Item| if item.has_stub { super::STUB + GAP_SINGLE } else { 0 };
    let of = |wanted: ItemKind| single.iter().copied().filter(move |item| items[*item].kind == wanted);
    for item in of(ItemKind::Container) {
        let Item { width, height, .. } = items[item];
        let Point { x, y } = shelf.put(width + stub(&items[item]), height, wide, GAP_SINGLE);
        placed.spots[item] = Spot { x, y, width };
    }
    let leaves: Vec<usize> = of(ItemKind::Leaf).collect();
    let width = leaves.iter().map(|item| items[*item].width).max().unwrap_or(0);
    let right = leaves.iter().map(|item| stub(&items[*item])).max().unwrap_or(0);
    for item in leaves {
        let Point { x, y } = shelf.put(width + right, items[item].height, wide, GAP_SINGLE);
        placed.spots[item] = Spot { x, y, width };
    }
}

/// Rows that are filled from the left to the right.
#[derive(Default)]
struct Shelf {
    x: i32,
    y: i32,
    height: i32,
    widest: i32,
    /// Where the last row that has ended did so.
    bottom: i32,
}

impl Shelf {
    /// Finds a place; a new row begins where one would become wider than `wide`.
    fn put(&mut self, width: i32, height: i32, wide: i32, gap: i32) -> Point {
        if self.x > 0 && self.x + width > wide {
            self.end(gap);
        }
        let corner = Point { x: self.x, y: self.y };
        self.x += width + gap;
        self.height = self.height.max(height);
        self.widest = self.widest.max(corner.x + width);
        corner
    }

    fn end(&mut self, gap: i32) {
        if self.x > 0 {
            self.bottom = self.y + self.height;
            (self.x, self.y, self.height) = (0, self.bottom + gap, 0);
        }
    }

    fn size(&self) -> (i32, i32) {
        (self.widest, if self.x > 0 { self.y + self.height } else { self.bottom })
    }
}

/// What arrows connect.
struct Component {
    items: Vec<usize>,
    links: Vec<usize>,
}

struct Components {
    linked: Vec<Component>,
    single: Vec<usize>,
}

fn components(items: &[Item], links: &[Link]) -> Components {
    let mut leaders: Vec<usize> = (0..items.len()).collect();
    fn leader(leaders: &mut [usize], mut item: usize) -> usize {
        while leaders[item] != item {
            leaders[item] = leaders[leaders[item]];
            item = leaders[item];
        }
        item
    }
    let mut unite = |one: usize, other: usize| {
        let (one, other) = (leader(&mut leaders, one), leader(&mut leaders, other));
        let (first, second) = (one.min(other), one.max(other));
        leaders[second] = first;
    };
    for link in links {
        unite(link.source.0, link.target.0);
    }
    let borders: Vec<usize> = (0..items.len()).filter(|item| items[*item].is_border()).collect();
    for pair in borders.windows(2) {
        unite(pair[0], pair[1]);
    }
    let mut is_linked = vec![false; items.len()];
    for link in links {
        is_linked[link.source.0] = true;
        is_linked[link.target.0] = true;
    }
    // By leader, which is the first of its component.
    let mut slots = vec![usize::MAX; items.len()];
    let mut linked: Vec<Component> = Vec::new();
    let mut single = Vec::new();
    for (item, is_linked) in is_linked.into_iter().enumerate() {
        if !is_linked {
            single.push(item);
            continue;
        }
        let leader = leader(&mut leaders, item);
        if slots[leader] == usize::MAX {
            slots[leader] = linked.len();
            linked.push(Component { items: Vec::new(), links: Vec::new() });
        }
        linked[slots[leader]].items.push(item);
    }
    for (place, link) in links.iter().enumerate() {
        linked[slots[leader(&mut leaders, link.source.0)]].links.push(place);
    }
    Components { linked, single }
}
