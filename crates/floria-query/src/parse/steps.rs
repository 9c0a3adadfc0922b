//! From text to steps.

use super::{Parsed, Parser};
use crate::{Condition, Direction, Step, Times, scan::is_bare};

/// How often a step may be asked for: each time is a walk over what the one before came to.
const TIMES_MAX: u32 = 1_000;

impl Parser<'_> {
    /// Whether a step comes next.
    pub(super) fn at_step(&self) -> bool {
        let mut scan = self.scan.clone();
        scan.eat("<-")
            || scan.eat("-")
            || ["contents", "container", "node"].iter().any(|word| self.scan.clone().step_word(word))
    }

    pub(super) fn step(&mut self) -> Parsed<Option<Step>> {
        for word in ["contents", "container", "node"] {
            if self.scan.step_word(word) {
                return Ok(Some(match word {
                    "contents" => Step::Contents(self.times()?),
                    "container" => Step::Container(self.times()?),
                    _ => Step::Node,
                }));
            }
        }
        let (direction, edge) = if self.scan.eat("->") {
            (Direction::Out, Condition::EVERYTHING)
        } else if self.scan.eat("<-[") {
            (Direction::In, self.bracketed("]-")?)
        } else if self.scan.eat("-[") {
            (Direction::Out, self.bracketed("]->")?)
        } else if self.scan.eat("<-") {
            match self.scan.until_dash() {
                None => (Direction::In, Condition::EVERYTHING),
                Some((place, edge)) => (Direction::In, self.short(place, edge)?),
            }
        } else if self.scan.eat("-") {
            match self.scan.until("->") {
                Some((place, edge)) => (Direction::Out, self.short(place, edge)?),
                None => return self.scan.expected("edges and `->`, as in `-requires->`"),
            }
        } else {
            return Ok(None);
        };
        Ok(Some(Step::Edges { direction, edge, times: self.times()? }))
    }

    /// Reads the conditions on an edge.
    fn bracketed(&mut self, end: &str) -> Parsed<Condition> {
        self.depth += 1;
        let edge = self.alternatives(end)?;
        self.depth -= 1;
        Ok(edge)
    }

    /// Reads the one condition of an edge without brackets.
    fn short(&mut self, place: usize, edge: &str) -> Parsed<Condition> {
        if edge.is_empty() || edge.starts_with('-') || !edge.chars().all(is_bare) {
            return self.scan.fail_at(
                place,
                "an edge's name is expected; more is written in brackets: `-[type:Uses weight>3]->`",
            );
        }
        let after = self.scan.place();
        self.scan.back_to(place);
        let mut parser = Parser {
            scan: self.scan.cut(after, edge.len() + place),
            vocabulary: self.vocabulary,
            kind: None,
            depth: 1,
            path: None,
        };
        let condition = parser.condition()?;
        self.scan.back_to(after);
        Ok(condition)
    }

    fn times(&mut self) -> Parsed<Times> {
        if self.scan.eat("*") {
            return Ok(Times::ANY);
        }
        let place = self.scan.place();
        if !self.scan.eat("{") {
            return Ok(Times::ONE);
        }
        let min = self.number("how often, at least")?;
        let max = match self.scan.eat("..") {
            false => Some(min),
            true if self.scan.sees('}') => None,
            true => Some(self.number("how often, at most")?),
        };
        if !self.scan.eat("}") {
            return self.scan.expected("`}`");
        }
        if min > TIMES_MAX || max.is_some_and(|max| max > TIMES_MAX || max < min) {
            return self.scan.fail_at(place, format!("this is no range from 0 to {TIMES_MAX}"));
        }
        Ok(Times { min, max })
    }
}
