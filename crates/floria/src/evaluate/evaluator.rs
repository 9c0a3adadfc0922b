//! The evaluator.

use std::{any::Any, collections::HashSet};

use super::{
    EVALUATION_DEPTH_MAX, Evaluated, EvaluationError, Functions, Memos, Site, Touched,
    memos::{Place, State},
};
use crate::{Expression, Graph, Properties, Property, Value, ValueMap};

/// The properties that something read itself, in order, each once; what those read in turn is theirs.
pub type Reads<'a> = Vec<(Site, &'a str)>;

/// Evaluates expressions in one graph, each property once.
///
/// A property is evaluated when it is first asked for. Its result is kept, an error too, with the properties that it read.
/// Nothing is evaluated twice and nothing that nobody asks for.
///
/// When the graph changes, [`Self::into_memos`] takes out what was evaluated, [`Memos::touch`] is told what changed, and
/// [`Self::with_memos`] goes on with the changed graph: only what depends on the change is evaluated again, and a value that
/// comes out equal changes nothing further. [`Self::refresh`] does so for all that was ever asked for.
pub struct Evaluator<'a> {
    pub(super) graph: &'a Graph,
    functions: &'a dyn Functions,
    keeps: Option<&'a dyn Fn(Site) -> bool>,
    pub(super) memos: Memos,
    forgotten: HashSet<Place>,
    /// The properties that are being evaluated, outermost first.
    pub(super) path: Vec<Place>,
    /// What the properties that are being evaluated, and the expressions whose reads are asked for, have read so far: the
    /// innermost's last.
    reads: Vec<Place>,
    /// How many of these there are.
    frames: usize,
    depth: usize,
    /// Whether the depth was exceeded since evaluation began.
    too_deep: bool,
}

impl<'a> Evaluator<'a> {
    /// Makes an evaluator with nothing evaluated yet.
    pub fn new(graph: &'a Graph, functions: &'a dyn Functions) -> Self {
        Self::with_memos(graph, functions, Memos::default())
    }

    /// Makes an evaluator that knows what another one has evaluated, in a graph that differs from this one only by what the
    /// memos were told of.
    pub fn with_memos(graph: &'a Graph, functions: &'a dyn Functions, memos: Memos) -> Self {
        Self {
            graph,
            functions,
            keeps: None,
            memos,
            forgotten: HashSet::new(),
            path: Vec::new(),
            reads: Vec::new(),
            frames: 0,
            depth: 0,
            too_deep: false,
        }
    }

    /// Returns the same evaluator, which takes the read-only properties (TOSCA's properties) of some sites to be fixed: where
    /// one has a value, it keeps it, whatever its updater comes to. So what was made from a value is described by it.
    ///
    /// To be said before anything is evaluated, and again with the same memos.
    pub fn keeping(self, keeps: &'a dyn Fn(Site) -> bool) -> Self {
        Self { keeps: Some(keeps), ..self }
    }

    /// Returns what was evaluated.
    pub fn into_memos(mut self) -> Memos {
        let forgotten = std::mem::take(&mut self.forgotten);
        let names: Vec<_> = forgotten
            .into_iter()
            .map(|place| {
                let (site, name) = self.memos.key(place);
                (site, name.to_owned())
            })
            .collect();
        self.memos.touch(names.iter().map(|(site, name)| Touched {
            site: *site,
            name,
            is_redeclared: false,
        }));
        self.memos
    }

    /// Returns the graph that expressions are evaluated in. Functions that look at more than properties say at what, with
    /// [`Self::depends_on`].
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Returns what a function keeps between its calls, such as what it made of literals. There is one such thing.
    pub fn kept<T: Any + Send + Default>(&mut self) -> &mut T {
        self.memos.kept()
    }

    /// Says that what is being evaluated depends on a property without reading its value (on whether it is there, say), or on
    /// a part of the structure by its name: see [`Memos::changed`] for those.
    pub fn depends_on(&mut self, site: Site, name: &str) {
        if self.frames > 0 {
            let place = self.memos.place(site, name);
            self.reads.push(place);
        }
    }

    /// Declares properties unknown before run time, whatever the graph holds: those of what is about to change. What read
    /// the property is evaluated anew when it is next asked for.
    pub fn forget(&mut self, site: Site, property: &str) {
        let place = self.memos.place(site, property);
        if self.forgotten.insert(place) {
            self.memos.touch([Touched { site, name: property, is_redeclared: false }]);
        }
    }

    /// Evaluates an expression that stands at `site`.
    ///
    /// # Errors
    ///
    /// When a function fails, a property that is read does not exist or depends on itself, two keys of a map are equal, or
    /// the nesting exceeds [`EVALUATION_DEPTH_MAX`].
    pub fn evaluate(&mut self, expression: &Expression, site: Site) -> Result<Evaluated, EvaluationError> {
        match expression {
            Expression::Literal(value) => Ok(Evaluated::Known(value.clone())),
            Expression::List(items) => self.deeper(|evaluator| evaluator.list(items, site)),
            Expression::Map(entries) => self.deeper(|evaluator| evaluator.map(entries, site)),
            Expression::Call(call) => self
                .deeper(|evaluator| evaluator.functions.call(call, site, evaluator))
                .map_err(|error| error.at(&call.origin)),
        }
    }

    /// Evaluates an expression as [`Self::evaluate`] does, and also returns the properties that it read itself (what those
    /// read in turn is in [`Self::reads`]).
    pub fn evaluate_with_reads(
        &mut self,
        expression: &Expression,
        site: Site,
    ) -> Result<(Evaluated, Reads<'a>), EvaluationError> {
        let begin = self.reads.len();
        self.frames += 1;
        let result = self.evaluate(expression, site);
        self.frames -= 1;
        let places = self.memos.each_once(&self.reads[begin..]);
        // What is around it has read the same.
        if self.frames == 0 {
            self.reads.clear();
        }
        Ok((result?, self.named(&places)))
    }

    /// Returns the value of a property: its updater's, or else what is stored; either way prepared.
    ///
    /// Without both, a read-only property (TOSCA's property) is null, and any other (TOSCA's attribute) is not known yet. A
    /// forgotten one is not known, whatever it holds.
    ///
    /// # Errors
    ///
    /// When there is no such property or site (the message names what there is), when the property depends on itself (the
    /// message has the whole path), and as [`Self::evaluate`].
    pub fn property(&mut self, site: Site, name: &str) -> Result<Evaluated, EvaluationError> {
        let property = self.properties(site).and_then(|properties| properties.get(name));
        if self.forgotten.is_empty()
            && let Some(Property { value: Some(value), updater: None, preparer: None, .. }) = property
        {
            // Nothing to remember, but who read it.
            self.depends_on(site, name);
            return Ok(Evaluated::Known(value.clone()));
        }
        let place = self.memos.place(site, name);
        if self.frames > 0 {
            self.reads.push(place);
        }
        self.update(place, property)?;
        self.memos.memo(place).result.clone().expect("what is up to date has a result")
    }

    /// Returns a property as it is to be stored once it is computed: with its value, where that is known, and with what that
    /// was computed from in [`Property::reads`]. So stores find what depends on a property that changes
    /// ([`Index::Readers`](crate::Index::Readers)), and nobody needs to evaluate everything to know.
    ///
    /// A property that is not computed comes as it is, and so does one whose value is not known yet, but for the reads: when
    /// what it waits for changes, it is found.
    ///
    /// # Errors
    ///
    /// As [`Self::property`].
    pub fn computed(&mut self, site: Site, name: &str) -> Result<Property, EvaluationError> {
        let mut property = self.find(site, name)?.clone();
        property.reads.clear();
        if property.updater.is_none() {
            return Ok(property);
        }
        if let Evaluated::Known(value) = self.property(site, name)? {
            property.value = Some(value);
        }
        property.reads =
            self.reads_of(site, name).into_iter().map(|(at, name)| (at, name.to_owned())).collect();
        Ok(property)
    }

    /// Returns what a property read itself, also of the structure, in order; nothing, if it was not evaluated.
    pub fn reads_of(&self, site: Site, name: &str) -> Vec<(Site, &str)> {
        let place = self.memos.find(site, name);
        let reads = place.map_or(&[][..], |place| &self.memos.list[place as usize].reads);
        let mut reads: Vec<_> = reads.iter().map(|read| self.memos.key(*read)).collect();
        reads.sort_unstable();
        reads
    }

    /// Returns what each property that was computed read itself: property, and the properties it read. In order.
    pub fn reads(&self) -> Vec<((Site, &'a str), Reads<'a>)> {
        let keys: Vec<_> = (0..self.memos.len() as Place).map(|place| self.named_one(place)).collect();
        let list = keys.iter().zip(&self.memos.list).filter(|(_, memo)| memo.state != State::New);
        let mut all: Vec<_> = list
            .filter_map(|(key, memo)| {
                let mut reads: Reads<'a> =
                    memo.reads.iter().filter_map(|read| keys[*read as usize]).collect();
                reads.sort_unstable();
                Some(((*key)?, reads))
            })
            .collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Returns everything that was evaluated, read or looked at: properties, and parts of the structure by the names that
    /// [`Structure::name`](super::Structure::name) has for them. Of an expression outside of all properties, what it looked at
    /// itself is among it only if [`Self::evaluate_with_reads`] evaluated it.
    pub fn seen(&self) -> impl Iterator<Item = (Site, &str)> {
        (0..self.memos.len() as Place).map(|place| self.memos.key(place))
    }

    /// Coerces and validates a value with a property's preparer. Without a preparer, that is the value itself.
    ///
    /// # Errors
    ///
    /// When the preparer refuses the value, is not a call, or needs properties that are not known yet (the message names
    /// them).
    pub fn prepare(
        &mut self,
        property: &Property,
        value: Value,
        site: Site,
    ) -> Result<Value, EvaluationError> {
        match self.prepared(property, value, site)? {
            Evaluated::Known(value) => Ok(value),
            Evaluated::Unknown(properties) => {
                let names: Vec<_> =
                    properties.iter().map(|(site, name)| self.describe(*site, name)).collect();
                Err(EvaluationError::new(format!(
                    "the value cannot be checked before these have a value: {}",
                    names.join(", ")
                ))
                .at(&property.origin))
            }
        }
    }

    fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, EvaluationError>,
    ) -> Result<T, EvaluationError> {
        if self.depth == EVALUATION_DEPTH_MAX {
            self.too_deep = true;
            return Err(EvaluationError::new(format!(
                "the expression nests deeper than {EVALUATION_DEPTH_MAX} levels"
            )));
        }
        if self.depth == 0 {
            self.too_deep = false;
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    fn list(&mut self, items: &[Expression], site: Site) -> Result<Evaluated, EvaluationError> {
        let mut values = Vec::with_capacity(items.len());
        let mut unknown = Vec::new();
        for item in items {
            match self.evaluate(item, site)? {
                Evaluated::Known(value) => values.push(value),
                Evaluated::Unknown(properties) => unknown.extend(properties),
            }
        }
        Ok(known_unless(unknown, || Value::List(values)))
    }

    fn map(
        &mut self,
        entries: &[(Expression, Expression)],
        site: Site,
    ) -> Result<Evaluated, EvaluationError> {
        let mut values = ValueMap::new();
        let mut unknown = Vec::new();
        for (key, value) in entries {
            match (self.evaluate(key, site)?, self.evaluate(value, site)?) {
                (Evaluated::Known(key), Evaluated::Known(value)) => {
                    if values.contains_key(&key) {
                        return Err(EvaluationError::new(format!("two keys of a map are both `{key}`")));
                    }
                    values.insert(key, value);
                }
                (key, value) => {
                    for evaluated in [key, value] {
                        if let Evaluated::Unknown(properties) = evaluated {
                            unknown.extend(properties);
                        }
                    }
                }
            }
        }
        Ok(known_unless(unknown, || Value::Map(values)))
    }

    /// Makes a memo what it would be evaluated to. The error is not its result: it is that it depends on itself, or that
    /// this was found too deep. `property` is the one at that place, for those who have it at hand.
    pub(super) fn update(
        &mut self,
        place: Place,
        property: Option<&'a Property>,
    ) -> Result<(), EvaluationError> {
        let memo = self.memos.memo(place);
        match memo.state {
            State::Fresh => Ok(()),
            State::Active => Err(self.cycle(place)),
            State::Doubtful => {
                let reads = memo.reads.clone();
                let verified = memo.verified;
                if self.deeper(|evaluator| evaluator.has_changed(&reads, verified))? {
                    return self.compute(place, property);
                }
                let now = self.memos.now;
                let memo = self.memos.memo(place);
                // It may have been evaluated on the way.
                if memo.state == State::Doubtful {
                    (memo.state, memo.verified) = (State::Fresh, now);
                }
                Ok(())
            }
            State::New | State::Stale => self.compute(place, property),
        }
    }

    /// Tells whether something that was read has become another thing since. What is read is looked at in the order of
    /// reading, and nothing after the first that changed: it may not be read any more.
    fn has_changed(&mut self, reads: &[Place], since: u32) -> Result<bool, EvaluationError> {
        for read in reads {
            // Nobody asked for the value of what is new.
            if self.memos.list[*read as usize].state != State::New
                && let Err(error) = self.update(*read, None)
            {
                // Nobody can tell from here what is too deep, and whoever evaluates would come here again. What is in a
                // circle is for evaluation to say.
                return if self.too_deep { Err(error) } else { Ok(true) };
            }
            if self.memos.memo(*read).changed > since {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compute(&mut self, place: Place, property: Option<&'a Property>) -> Result<(), EvaluationError> {
        let (site, name) = self.memos.key(place);
        let found = property.map_or_else(|| self.find(site, name), Ok);
        let memo = self.memos.memo(place);
        let before = std::mem::replace(&mut memo.state, State::Active);
        let begin = self.reads.len();
        self.path.push(place);
        self.frames += 1;
        let result = found.and_then(|property| {
            self.deeper(|evaluator| evaluator.computing(place, site, property))
                .map_err(|error| error.at(&property.origin))
        });
        self.frames -= 1;
        self.path.pop();
        let reads = self.memos.each_once(&self.reads[begin..]);
        self.reads.truncate(begin);
        // Nesting that is too deep from afar may be fine from here, or once what is further down is known.
        match result {
            Err(error) if self.too_deep => {
                self.memos.memo(place).state = if before == State::New { State::New } else { State::Stale };
                Err(error)
            }
            result => {
                self.memos.settle(place, result, reads);
                if self.too_deep {
                    self.memos.memo(place).state = State::Stale;
                }
                Ok(())
            }
        }
    }

    fn computing(
        &mut self,
        place: Place,
        site: Site,
        property: &Property,
    ) -> Result<Evaluated, EvaluationError> {
        let unknown = |evaluator: &Self| {
            let (site, name) = evaluator.memos.key(place);
            Ok(Evaluated::Unknown(vec![(site, name.to_owned())]))
        };
        if !self.forgotten.is_empty() && self.forgotten.contains(&place) {
            return unknown(self);
        }
        let evaluated = match (&property.updater, &property.value) {
            (Some(_), Some(value)) if property.read_only && self.keeps.is_some_and(|keeps| keeps(site)) => {
                return Ok(Evaluated::Known(value.clone()));
            }
            (Some(updater), _) => self.evaluate(updater, site)?,
            (None, Some(value)) => Evaluated::Known(value.clone()),
            (None, None) if property.read_only => return Ok(Evaluated::Known(Value::Null)),
            (None, None) => return unknown(self),
        };
        match evaluated {
            Evaluated::Known(value) => self.prepared(property, value, site),
            unknown @ Evaluated::Unknown(_) => Ok(unknown),
        }
    }

    fn prepared(
        &mut self,
        property: &Property,
        value: Value,
        site: Site,
    ) -> Result<Evaluated, EvaluationError> {
        let Some(preparer) = &property.preparer else { return Ok(Evaluated::Known(value)) };
        let Expression::Call(call) = preparer else {
            return Err(EvaluationError::new("the preparer of a property is not a call").at(&property.origin));
        };
        self.deeper(|evaluator| evaluator.functions.prepare(call, value, site, evaluator))
            .map_err(|error| error.at(&call.origin).at(&property.origin))
    }

    pub(super) fn find(&self, site: Site, name: &str) -> Result<&'a Property, EvaluationError> {
        let properties = self.properties(site).ok_or_else(|| self.no_site(site))?;
        properties.get(name).ok_or_else(|| self.no_property(site, name, properties))
    }

    fn properties(&self, site: Site) -> Option<&'a Properties> {
        match site {
            Site::Vertex(id) => self.graph.vertex(id).map(|vertex| &vertex.properties),
            Site::Edge(id) => self.graph.edge(id).map(|edge| &edge.properties),
        }
    }

    /// The properties of these places, in order, by the graph's own names, which outlive the evaluator.
    fn named(&self, places: &[Place]) -> Reads<'a> {
        let mut reads: Reads<'a> = places.iter().filter_map(|place| self.named_one(*place)).collect();
        reads.sort_unstable();
        reads
    }

    /// None: it is no property of the graph.
    pub(super) fn named_one(&self, place: Place) -> Option<(Site, &'a str)> {
        let (site, name) = self.memos.key(place);
        self.properties(site)?.get_key_value(name).map(|(name, _)| (site, name.as_str()))
    }
}

fn known_unless(mut unknown: Vec<(Site, String)>, value: impl FnOnce() -> Value) -> Evaluated {
    if unknown.is_empty() {
        return Evaluated::Known(value());
    }
    unknown.sort_unstable();
    unknown.dedup();
    Evaluated::Unknown(unknown)
}
