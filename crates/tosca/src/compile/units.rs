//! Scalar types (9.1.2.2): units, prefixes and the canonical unit.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words::{DataType as Words, Multipliers, Word};
use tosca_syntax::yaml::ScalarKind;

use super::{Compiler, Declared};
use crate::model::{DataBase, Decimal, Map, TypeId, TypeKind, Units};

const CHAPTER: &str = "9.1.2.2";

fn wrong(message: String, span: Span, label: &str) -> Diagnostic {
    Diagnostic::error("invalid-scalar-type", message).at(Place::new(span, label)).chapter(CHAPTER)
}

impl<'a> Compiler<'a> {
    /// The units of a data type: read for scalar types, refused for others.
    pub(super) fn units(
        &self,
        id: TypeId,
        declared: Declared<'a>,
        words: &Words<'a>,
        base: DataBase,
        inherited: Option<Arc<Units>>,
    ) -> Option<Arc<Units>> {
        if base != DataBase::Scalar {
            self.misplaced_units(declared, words);
            return None;
        }
        let is_first = self.type_of(id).parent == Some(self.built_in(DataBase::Scalar));
        if !is_first && inherited.is_none() {
            // The parent's could not be read.
            return None;
        }
        let name = declared.words.name;
        let number = self.number_type(declared, words, inherited.as_deref());
        let (data_type, is_integer) = number?;
        let known = inherited.as_deref();
        let units =
            self.multipliers(words.units.as_ref(), known.map(|known| &known.units), is_integer, "unit");
        let prefixes = self.multipliers(
            words.prefixes.as_ref(),
            known.map(|known| &known.prefixes),
            is_integer,
            "prefix",
        );
        let (units, prefixes) = (units?, prefixes?);
        let hides = |keyname| declared.words.hidden.has(keyname);
        if units.is_empty() {
            if !hides("units") {
                let span = words.units.as_ref().map_or(name.span, |units| units.span);
                let message = format!("the scalar type `{}` needs `units`", name.text);
                let hint = "name at least one unit with the multiplier 1: `units: { m: 1 }`";
                self.report(wrong(message, span, "has no unit").hint(hint));
            }
            return None;
        }
        if !prefixes.is_empty() && (units.len() > 1 || !units[0].is_one()) {
            let span = words.units.as_ref().or(words.prefixes.as_ref()).map_or(name.span, |own| own.span);
            let message = format!(
                "the scalar type `{}` has prefixes: it must have one unit, with the multiplier 1",
                name.text
            );
            let label = if units.len() > 1 { "more than one unit" } else { "its multiplier is not 1" };
            let hint = "write the units out with their prefixes, without `prefixes`";
            self.report(wrong(message, span, label).hint(hint));
            return None;
        }
        let of_one: Vec<String> = match prefixes.is_empty() {
            true => units.iter().filter(|(_, one)| one.is_one()).map(|(name, _)| name.to_string()).collect(),
            false => {
                let ones = prefixes.iter().filter(|(_, one)| one.is_one());
                ones.map(|(prefix, _)| format!("{prefix}{}", units.get_index(0).map_or("", |(unit, _)| unit)))
                    .collect()
            }
        };
        let mut built = Units {
            data_type,
            is_integer,
            units,
            prefixes,
            canonical_unit: self.name(""),
            family: known.map_or(id, |known| known.family),
        };
        if hides("units") || hides("prefixes") || hides("canonical_unit") {
            return None;
        }
        built.canonical_unit = match known {
            Some(known) => {
                let added = words.canonical_unit.filter(|own| known.canonical_unit != *own.text);
                if let Some(added) = added {
                    let message = format!(
                        "the canonical unit of `{}` is `{}`, and a derived type cannot change it",
                        name.text, known.canonical_unit
                    );
                    self.report(wrong(message, added.span, "another unit"));
                }
                known.canonical_unit.clone()
            }
            None => self.name(&self.canonical_unit(name, words.canonical_unit, &of_one, &built)?),
        };
        Some(Arc::new(built))
    }

    fn canonical_unit(
        &self,
        name: Word<'a>,
        own: Option<Word<'a>>,
        of_one: &[String],
        units: &Units,
    ) -> Option<String> {
        let names = || diagnostics::one_of(of_one.iter().map(String::as_str));
        if of_one.is_empty() {
            let what = if units.prefixes.is_empty() { "unit" } else { "prefix" };
            let message = format!("the scalar type `{}` has no {what} with the multiplier 1", name.text);
            self.report(wrong(message, name.span, "every other one is a multiple of that"));
            return None;
        }
        let Some(own) = own else {
            if let [only] = of_one {
                return Some(only.clone());
            }
            let message = format!(
                "the scalar type `{}` has several units with the multiplier 1: it needs a `canonical_unit`",
                name.text
            );
            self.report(
                wrong(message, name.span, "has no `canonical_unit`")
                    .hint(format!("it is one of {}", names())),
            );
            return None;
        };
        let problem = match units.multiplier(own.text) {
            Some(multiplier) if multiplier.is_one() => return Some(own.text.to_owned()),
            Some(_) => format!("the multiplier of the canonical unit `{}` is not 1", own.text),
            None => format!("the canonical unit `{}` is not one of the units", own.text),
        };
        self.report(
            wrong(problem, own.span, "cannot be the canonical unit").hint(format!("it can be: {}", names())),
        );
        None
    }

    fn misplaced_units(&self, declared: Declared<'a>, words: &Words<'a>) {
        let is_vague = declared.words.hidden.has("derived_from")
            || self.scopes_are_vague(declared.words.derived_from, declared.file);
        if is_vague {
            return;
        }
        let own = [
            ("units", words.units.as_ref().map(|own| own.span)),
            ("prefixes", words.prefixes.as_ref().map(|own| own.span)),
            ("data_type", words.data_type.map(|own| own.span)),
            ("canonical_unit", words.canonical_unit.map(|own| own.span)),
        ];
        if let Some((keyname, span)) = own.iter().find_map(|(keyname, span)| Some((keyname, (*span)?))) {
            let message = format!("`{keyname}` belongs to data types that are derived from `scalar`");
            self.report(
                wrong(message, span, "not allowed here")
                    .hint("give the type `derived_from: scalar`, or leave it out"),
            );
        }
    }

    fn scopes_are_vague(&self, parent: Option<Word<'a>>, file: usize) -> bool {
        parent.is_some_and(|word| self.try_type(file, TypeKind::Data, word.text, word.span).is_err())
    }

    /// The type of the numbers, and whether they are integers.
    fn number_type(
        &self,
        declared: Declared<'a>,
        words: &Words<'a>,
        inherited: Option<&Units>,
    ) -> Option<(TypeId, bool)> {
        if declared.words.hidden.has("data_type") {
            return None;
        }
        let float = self.built_in(DataBase::Float);
        let Some(word) = words.data_type else {
            return Some(inherited.map_or((float, false), |known| (known.data_type, known.is_integer)));
        };
        let found = self.find_type(declared.file, TypeKind::Data, word);
        if self.is_unknown(found) {
            return None;
        }
        if let Some(inherited) = inherited {
            if found != inherited.data_type {
                let known = &self.type_of(inherited.data_type).name;
                let message =
                    format!("the numbers are of type `{known}`, and a derived type cannot change that");
                self.report(wrong(message, word.span, "another type"));
            }
            return Some((inherited.data_type, inherited.is_integer));
        }
        match self.root_base(found) {
            Some(DataBase::Integer) => Some((found, true)),
            Some(DataBase::Float) => Some((found, false)),
            None => None,
            Some(_) => {
                let message = format!("the numbers of a scalar cannot be of type `{}`", word.text);
                let label = "not `integer` or `float`, or derived from them";
                self.report(wrong(message, word.span, label));
                None
            }
        }
    }

    /// What the values of a data type are made of, told by its ancestors alone: before any type is built.
    fn root_base(&self, id: TypeId) -> Option<DataBase> {
        let own = self.type_of(id);
        let root = own.ancestors.last().copied().unwrap_or(id);
        if self.is_unknown(root) || self.is_vague(id, "derived_from") {
            return None;
        }
        Some(match self.type_of(root).span {
            None => self.data(root).base,
            Some(_) => DataBase::Structure,
        })
    }

    /// One's own multipliers on top of the inherited ones.
    fn multipliers(
        &self,
        own: Option<&Multipliers<'a>>,
        inherited: Option<&Map<Decimal>>,
        is_integer: bool,
        what: &str,
    ) -> Option<Map<Decimal>> {
        let mut multipliers = inherited.cloned().unwrap_or_default();
        let mut is_whole = true;
        for (name, node) in own.into_iter().flat_map(|own| &own.entries) {
            let mut bad = |problem: String, span: Span, label: &str| {
                self.report(wrong(problem, span, label));
                is_whole = false;
            };
            if name.text.contains(char::is_whitespace) || what == "unit" && name.text.is_empty() {
                bad(format!("the {what} `{}` must be a word", name.text), name.span, "not a word");
                continue;
            }
            let number = node
                .as_scalar()
                .filter(|scalar| matches!(scalar.kind, ScalarKind::Integer | ScalarKind::Float))
                .and_then(|scalar| Decimal::parse(scalar.text));
            let Some(number) = number.filter(|number| number.as_float() > 0.0) else {
                let problem = format!("the multiplier of `{}` must be a number above 0", name.text);
                bad(problem, node.span(), "not such a number");
                continue;
            };
            if is_integer && number.as_integer().is_none() {
                let problem =
                    format!("the multiplier of `{}` must be an integer, as the numbers are", name.text);
                bad(problem, node.span(), "not an integer");
                continue;
            }
            let key = self.name(name.text);
            match multipliers.get(&key) {
                Some(known) if *known != number => {
                    let problem = format!("the {what} `{}` is inherited with another multiplier", name.text);
                    bad(problem, node.span(), "a derived type can only add to what it inherits");
                }
                _ => _ = multipliers.insert(key, number),
            }
        }
        is_whole.then_some(multipliers)
    }
}
