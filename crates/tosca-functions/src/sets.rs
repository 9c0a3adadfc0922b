//! Lists as sets (TOSCA 2.0, 10.2.4). The standard leaves the order of results open: here it is that of first appearance.
//! Entries are equal by what they come to, as in `$equal`: of `1 GB` and `1000 MB` the first stays.

use std::collections::BTreeSet;

use floria::Value;

use crate::{arguments::list, comparison::ByMeaning};

/// `$union`: each entry of any of the lists, once.
pub(crate) fn union(arguments: &[Value]) -> Result<Value, String> {
    let lists = lists(arguments)?;
    let mut seen = BTreeSet::new();
    let entries = lists.into_iter().flatten().filter(|entry| seen.insert(ByMeaning(entry)));
    Ok(Value::List(entries.cloned().collect()))
}

/// `$intersection`: each entry that is in all of the lists, once.
pub(crate) fn intersection(arguments: &[Value]) -> Result<Value, String> {
    let lists = lists(arguments)?;
    let Some((first, others)) = lists.split_first() else { return Ok(Value::List(Vec::new())) };
    let others: Vec<BTreeSet<_>> = others.iter().map(|other| other.iter().map(ByMeaning).collect()).collect();
    let mut seen = BTreeSet::new();
    let entries = first.iter().filter(|entry| {
        let entry = ByMeaning(entry);
        others.iter().all(|other| other.contains(&entry)) && seen.insert(entry)
    });
    Ok(Value::List(entries.cloned().collect()))
}

fn lists(arguments: &[Value]) -> Result<Vec<&[Value]>, String> {
    if arguments.is_empty() {
        return Err("expected at least 1 argument, found 0".to_owned());
    }
    arguments.iter().enumerate().map(|(place, argument)| list(argument, place)).collect()
}
