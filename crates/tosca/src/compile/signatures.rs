//! The signatures of the functions that compute with their arguments (10.2.2 to 10.2.5).

use crate::model::DataBase::{
    self, Boolean, Bytes, Float, Integer, List, Map, Scalar, String, Structure, Timestamp, Version,
};

/// What a function takes and gives.
pub(super) struct Signature {
    /// Without `$`.
    pub(super) name: &'static str,
    /// The least number of arguments.
    pub(super) least: usize,
    /// The greatest number of arguments.
    pub(super) most: usize,
    /// For each argument what it may be made of, nothing for anything; the last one is for all that follow, too.
    pub(super) takes: &'static [&'static [DataBase]],
    /// What the arguments have to do with each other.
    pub(super) relation: Relation,
    /// What it gives.
    pub(super) gives: Gives,
    /// Where the standard says so.
    pub(super) chapter: &'static str,
}

/// What the arguments of a function have to do with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Nothing.
    None,
    /// All are of one type.
    Same,
    /// The argument at the second position is like an entry of that at the first.
    Entry(usize, usize),
    /// Both are collections with entries of one type.
    Entries,
}

/// What a function gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// Always this.
    Base(DataBase),
    /// What its arguments are: floats when one of several numbers is.
    Arguments,
    /// Scalars of scalars, floats of numbers.
    Quotient,
}

const ANY: &[DataBase] = &[];
const BOOLEAN: &[DataBase] = &[Boolean];
const COMPARABLE: &[DataBase] = &[Integer, Float, String, Timestamp, Version, Scalar];
const TEXT: &[DataBase] = &[String];
const TEXT_OR_LIST: &[DataBase] = &[String, List];
const LISTS: &[DataBase] = &[List];
const MAPS: &[DataBase] = &[Map, Structure];
const COLLECTION: &[DataBase] = &[List, Map, Structure];
const NUMBER: &[DataBase] = &[Integer, Float];
const AMOUNT: &[DataBase] = &[Integer, Float, Scalar];
const MEASURED: &[DataBase] = &[String, List, Map, Structure, Bytes];

const MANY: usize = usize::MAX;
const YES_OR_NO: Gives = Gives::Base(Boolean);

macro_rules! signatures {
    ($($name:literal $least:tt..$most:tt [$($takes:expr),*] $relation:expr => $gives:expr, $chapter:literal;)*) => {
        &[$(Signature {
            name: $name,
            least: $least,
            most: $most,
            takes: &[$($takes),*],
            relation: $relation,
            gives: $gives,
            chapter: $chapter,
        }),*]
    };
}

/// All of them, in the order of the standard.
pub(super) const SIGNATURES: &[Signature] = signatures! {
    "and" 1..MANY [BOOLEAN] Relation::None => YES_OR_NO, "10.2.2.1.1";
    "or" 1..MANY [BOOLEAN] Relation::None => YES_OR_NO, "10.2.2.1.2";
    "not" 1..1 [BOOLEAN] Relation::None => YES_OR_NO, "10.2.2.1.3";
    "xor" 2..2 [BOOLEAN] Relation::None => YES_OR_NO, "10.2.2.1.4";
    "equal" 2..2 [ANY] Relation::Same => YES_OR_NO, "10.2.2.2.1";
    "greater_than" 2..2 [COMPARABLE] Relation::Same => YES_OR_NO, "10.2.2.2.2";
    "greater_or_equal" 2..2 [COMPARABLE] Relation::Same => YES_OR_NO, "10.2.2.2.3";
    "less_than" 2..2 [COMPARABLE] Relation::Same => YES_OR_NO, "10.2.2.2.4";
    "less_or_equal" 2..2 [COMPARABLE] Relation::Same => YES_OR_NO, "10.2.2.2.5";
    "valid_values" 2..2 [ANY, LISTS] Relation::Entry(1, 0) => YES_OR_NO, "10.2.2.2.6";
    "matches" 2..2 [TEXT] Relation::None => YES_OR_NO, "10.2.2.2.7";
    "has_suffix" 2..2 [TEXT_OR_LIST] Relation::Same => YES_OR_NO, "10.2.2.3.1";
    "has_prefix" 2..2 [TEXT_OR_LIST] Relation::Same => YES_OR_NO, "10.2.2.3.2";
    "contains" 2..2 [TEXT_OR_LIST] Relation::Same => YES_OR_NO, "10.2.2.3.3";
    "has_entry" 2..2 [COLLECTION, ANY] Relation::Entry(0, 1) => YES_OR_NO, "10.2.2.3.4";
    "has_key" 2..2 [MAPS, TEXT] Relation::None => YES_OR_NO, "10.2.2.3.5";
    "has_all_entries" 2..2 [COLLECTION, LISTS] Relation::Entries => YES_OR_NO, "10.2.2.3.6";
    "has_all_keys" 2..2 [MAPS, LISTS] Relation::None => YES_OR_NO, "10.2.2.3.7";
    "has_any_entry" 2..2 [COLLECTION, LISTS] Relation::Entries => YES_OR_NO, "10.2.2.3.8";
    "has_any_key" 2..2 [MAPS, LISTS] Relation::None => YES_OR_NO, "10.2.2.3.9";
    "length" 1..1 [MEASURED] Relation::None => Gives::Base(Integer), "10.2.3.1";
    "concat" 1..MANY [TEXT_OR_LIST] Relation::Same => Gives::Arguments, "10.2.3.2";
    "join" 1..2 [LISTS, TEXT] Relation::None => Gives::Base(String), "10.2.3.3";
    "token" 3..3 [TEXT, TEXT, &[Integer]] Relation::None => Gives::Base(String), "10.2.3.4";
    "union" 1..MANY [LISTS] Relation::Same => Gives::Arguments, "10.2.4.1";
    "intersection" 1..MANY [LISTS] Relation::Same => Gives::Arguments, "10.2.4.2";
    "sum" 1..MANY [AMOUNT] Relation::Same => Gives::Arguments, "10.2.5.1";
    "difference" 2..2 [AMOUNT] Relation::Same => Gives::Arguments, "10.2.5.2";
    "product" 1..MANY [AMOUNT, NUMBER] Relation::None => Gives::Arguments, "10.2.5.3";
    "quotient" 2..2 [AMOUNT, NUMBER] Relation::None => Gives::Quotient, "10.2.5.4";
    "remainder" 2..2 [&[Integer, Scalar], &[Integer]] Relation::None => Gives::Arguments, "10.2.5.5";
    "round" 1..1 [NUMBER] Relation::None => Gives::Base(Integer), "10.2.5.6";
    "floor" 1..1 [NUMBER] Relation::None => Gives::Base(Integer), "10.2.5.7";
    "ceil" 1..1 [NUMBER] Relation::None => Gives::Base(Integer), "10.2.5.8";
};

impl Signature {
    /// What the argument at a position may be made of; nothing for anything.
    pub(super) fn takes(&self, position: usize) -> &'static [DataBase] {
        self.takes.get(position).or(self.takes.last()).copied().unwrap_or_default()
    }
}

/// The signature of a function.
pub(super) fn signature(name: &str) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|signature| signature.name == name)
}
