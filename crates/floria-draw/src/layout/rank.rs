//! Which column each box is in.

/// How often boxes are moved to where their arrows are shorter.
const PASSES: usize = 4;

/// Ranks so many boxes, of which these pairs are linked, source first: a source is left of its target unless the link is one
/// that closes a cycle.
pub(crate) fn ranks(count: usize, links: &[(usize, usize)]) -> Vec<usize> {
    let mut targets: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
    let mut entering = vec![0_usize; count];
    for (place, (source, target)) in links.iter().enumerate() {
        targets[*source].push((*target, place));
        entering[*target] += usize::from(source != target);
    }
    let (order, is_back) = depth_first(&targets, &entering, links.len());
    let (mut before, mut after): (Vec<Vec<usize>>, Vec<Vec<usize>>) =
        (vec![Vec::new(); count], vec![Vec::new(); count]);
    for ((source, target), _) in links.iter().zip(&is_back).filter(|(_, is_back)| !**is_back) {
        after[*source].push(*target);
        before[*target].push(*source);
    }
    // As far right as the longest way from there leaves room; then what has room goes to where its arrows are short.
    let mut ways = vec![0_usize; count];
    for item in order.iter().rev() {
        ways[*item] = after[*item].iter().map(|other| ways[*other] + 1).max().unwrap_or(0);
    }
    let longest = ways.iter().copied().max().unwrap_or(0);
    let mut ranks: Vec<usize> = ways.into_iter().map(|way| longest - way).collect();
    for _ in 0..PASSES {
        for item in order.iter().rev() {
            let first = before[*item].iter().map(|other| ranks[*other] + 1).max();
            let last = after[*item].iter().map(|other| ranks[*other] - 1).min();
            ranks[*item] = match (first, last) {
                (None, Some(last)) => last,
                (Some(first), None) => first,
                (Some(_), Some(last)) if after[*item].len() > before[*item].len() => last,
                (Some(first), Some(_)) if after[*item].len() < before[*item].len() => first,
                _ => ranks[*item],
            };
        }
    }
    let least = ranks.iter().copied().min().unwrap_or(0);
    for rank in &mut ranks {
        *rank -= least;
    }
    ranks
}

/// Returns the boxes so that sources come before targets, and which links that does not hold for.
fn depth_first(targets: &[Vec<(usize, usize)>], entering: &[usize], links: usize) -> (Vec<usize>, Vec<bool>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let count = targets.len();
    let mut marks = vec![Mark::New; count];
    let mut is_back = vec![false; links];
    let mut order = Vec::with_capacity(count);
    // What nothing leads to comes first: then few links of a cycle are turned.
    let roots = (0..count).filter(|item| entering[*item] == 0);
    for root in roots.chain(0..count) {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        // A stack of our own, as a chain may be as long as there are boxes.
        let mut stack = vec![(root, 0)];
        while let Some((item, next)) = stack.last_mut() {
            let item = *item;
            let Some((target, link)) = targets[item].get(*next).copied() else {
                marks[item] = Mark::Done;
                order.push(item);
                stack.pop();
                continue;
            };
            *next += 1;
            match marks[target] {
                Mark::New => {
                    marks[target] = Mark::Open;
                    stack.push((target, 0));
                }
                Mark::Open => is_back[link] = true,
                Mark::Done => {}
            }
        }
    }
    order.reverse();
    (order, is_back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(links: &[(usize, usize)], expected: &[usize]) {
        assert_eq!(ranks(expected.len(), links), expected);
    }

    #[test]
    fn a_target_is_right_of_its_source_and_close_to_it() {
        check(&[(0, 1), (1, 2), (0, 2)], &[0, 1, 2]);
        // 3 is used by 0 alone, 4 uses 2 alone.
        check(&[(0, 1), (1, 2), (0, 3), (4, 2)], &[0, 1, 2, 1, 1]);
    }

    #[test]
    fn a_link_that_closes_a_cycle_runs_back() {
        check(&[(0, 1), (1, 2), (2, 0)], &[0, 1, 2]);
        check(&[(0, 0)], &[0]);
    }
}
