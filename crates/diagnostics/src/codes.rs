//! Every code that a diagnostic can have, in one place.
//!
//! Codes are stable: programs and people go by them. A test holds this list against the sources, and the examples of
//! the pages against the compiler.

/// A code of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code: `unknown-type`.
    pub code: &'static str,
    /// The chapter of TOSCA 2.0 that holds the rule; none for rules of YAML and of khutulun.
    pub chapter: Option<&'static str>,
    /// What it means, in a line without a period.
    pub summary: &'static str,
    /// The page about it, as Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($code:literal $chapter:literal $summary:literal;)*) => {
        &[$(Code {
            code: $code,
            chapter: if $chapter.is_empty() { None } else { Some($chapter) },
            summary: $summary,
            page: include_str!(concat!("../../../docs/diagnostics/", $code, ".md")),
        }),*]
    };
}

/// All codes, in order.
pub static CODES: &[Code] = codes! {
    "abstract-type" "9.1.2.2" "`scalar` alone has no units, so nothing can be of it";
    "ambiguous-activity" "13.2.3" "an activity does several things";
    "ambiguous-artifact" "11.8" "a file name fits several artifact types";
    "ambiguous-capability" "8.5.2" "a requirement fits several capabilities of its target";
    "ambiguous-function" "10.4" "a name stands for several functions";
    "ambiguous-import" "6.8.1" "an import says two things at once";
    "ambiguous-name" "9.5" "one name is a property and an attribute with different meanings";
    "ambiguous-type" "6.8.4" "a name stands for several types";
    "ambiguous-workflow" "13.2" "a workflow has both steps and an implementation";
    "artifact-outside" "12.2" "an artifact file is outside of its package";
    "changed-import" "6.8" "what is imported is not what the lock file has";
    "circular-derivation" "6.4.2" "types are derived from each other in a circle";
    "circular-group" "16.2" "a group is a member of itself";
    "circular-value" "4.2.2" "a value is computed from itself";
    "csar-many-findings" "17.1" "an archive has more findings of a kind than are shown";
    "csar-meta-duplicate-keyname" "17.2" "a keyname is in a block of TOSCA.meta twice";
    "csar-meta-encoding" "17.2" "TOSCA.meta is not UTF-8 text";
    "csar-meta-misplaced-keyname" "17.2.1" "a keyname of block 0 of TOSCA.meta is in a later block";
    "csar-meta-missing-keyname" "17.2.1" "TOSCA.meta lacks a keyname that every archive needs";
    "csar-meta-name" "17.1" "a file is named almost like TOSCA.meta";
    "csar-meta-reserved-keyname" "17.2.2" "a custom keyname of TOSCA.meta begins with TOSCA";
    "csar-meta-syntax" "17.2" "a line of TOSCA.meta is not `Keyname: value`";
    "csar-meta-unknown-keyname" "17.2.1" "a keyname of block 0 of TOSCA.meta is not the standard's";
    "csar-meta-value" "17.2.1" "a value in TOSCA.meta is not of the form that its keyname needs";
    "csar-meta-version" "17.2.1" "the CSAR-Version is not 2.0";
    "csar-missing-file" "17.2.1" "TOSCA.meta names a file that is not in the archive";
    "csar-name-case" "17.1.1" "two names in an archive differ only by case";
    "csar-name-unportable" "17.1.1" "a name in an archive cannot be a file's on Windows";
    "csar-no-root-file" "17.3" "an archive does not say which file to start with";
    "csar-repeated-definitions" "17.2.1" "TOSCA.meta names a file twice";
    "csar-several-metas" "17.1" "an archive has more than one TOSCA.meta";
    "csar-several-root-files" "17.3" "an archive without TOSCA.meta has several YAML files in its root";
    "derived-too-deep" "6.4.2" "a type has too many ancestors";
    "document-too-large" "" "a file is larger than is read";
    "doubtful-allocation" "8.5.5" "what is allocated is no property of the capability type that is named";
    "duplicate-directive" "7.2.1" "a directive is in a list twice";
    "duplicate-function" "10.4" "one namespace has two functions of one name";
    "duplicate-key" "6.8.4" "a map has a key twice";
    "duplicate-policy" "6.9.8" "two policies have one name";
    "duplicate-profile" "6.7.3" "two different profiles have one name and version";
    "duplicate-repository" "6.8.4" "a repository is defined twice in one namespace";
    "duplicate-requirement" "7.1" "a type defines a requirement twice";
    "duplicate-trigger" "16.3" "a trigger changes an inherited one";
    "duplicate-type" "6.8.4" "a type is defined twice in one namespace";
    "empty-name" "6.4" "a name is empty";
    "empty-workflow" "13.2" "a workflow does nothing";
    "failed-function" "10.2" "a function whose arguments are all known has no value";
    "fixed-value" "9.3" "a value that the type fixes is assigned or changed";
    "import-failed" "6.8.2" "an imported file cannot be had";
    "incompatible-relationship" "7.3" "a relationship type does not allow this source, target or capability";
    "integer-out-of-range" "9.1.1.2" "an integer has more than 64 bits";
    "invalid-allocation" "8.5.5" "what is allocated is not a number";
    "invalid-bytes" "9.1.1.5" "a value is not bytes in Base64";
    "invalid-condition" "8.6" "a condition is written as in TOSCA 1.x";
    "invalid-copy" "7.2" "a template copies itself, or a copy";
    "invalid-count" "14.1" "a count is negative";
    "invalid-count-range" "8.4" "a count range is not two bounds in order";
    "invalid-data-type" "9.2" "a data type says neither what it derives from nor what it holds";
    "invalid-index" "8.5.2" "an index is negative";
    "invalid-key-schema" "9.3" "the keys of a map are not strings";
    "invalid-lock" "" "the lock file cannot be read or understood";
    "invalid-mapping" "15.1" "a substitution mapping is not of its form";
    "invalid-merge" "6.3" "a merge key does not bring a map";
    "invalid-metadata" "5.3.1" "metadata that khutulun reads is not of its form";
    "invalid-name" "10.1" "the name of a function has a `$` in it";
    "invalid-path" "10.3" "a TOSCA path cannot be followed";
    "invalid-pattern" "10.2.2.2.7" "the pattern of `$matches` is not a regular expression";
    "invalid-scalar" "9.1.2.2" "a value with a unit cannot be read";
    "invalid-scalar-type" "9.1.2.2" "a data type with units contradicts itself";
    "invalid-tag" "9.1" "a YAML tag is not one of the core schema";
    "invalid-timestamp" "9.1.2.1" "a value is not a date and time by RFC 3339";
    "invalid-validation" "9.10" "a validation clause is not a Boolean function of the value";
    "invalid-value" "9.10" "a value does not satisfy the validation clause of its definition or type";
    "invalid-version" "9.1.2.3" "a value is not a version";
    "invalid-yaml" "" "the text is not YAML 1.2";
    "malformed-function" "10.1" "a function call is not a map of one key";
    "mapping-after-unbounded" "15.5" "a requirement is mapped after all of it was";
    "misplaced-function" "10.2" "a function is called where it means nothing";
    "misplaced-implementation" "11.1" "an interface type implements an operation";
    "misplaced-mapping" "9.7" "an input has a mapping, which outputs have";
    "misplaced-schema" "9.3" "`key_schema` or `entry_schema` at a type that has no entries";
    "misplaced-value" "9.7" "a parameter has a value where it can only be given one";
    "missing-arguments" "10.2" "a function is called with too few arguments";
    "missing-artifact" "12.2" "an artifact file is not there";
    "missing-input" "11.4" "a required input of an operation has no value";
    "missing-keyname" "5.2" "a mandatory keyname is missing";
    "missing-property" "9.4" "a required property has no value";
    "missing-requirement" "8.5" "a required requirement is assigned to nothing";
    "missing-signature" "10.4" "a function definition has no signature";
    "missing-version" "6.1" "a file does not say its version of TOSCA";
    "nested-too-deep" "" "lists and maps are nested too deep";
    "no-anchor" "6.3" "an entry of `dsl_definitions` cannot be referred to";
    "no-fitting-capability" "8.5.2" "the target of a requirement has no capability that fits";
    "no-primary" "11.8" "an operation has dependencies and nothing to run";
    "no-service-template" "6.9" "a file without a service template cannot be deployed";
    "no-substitution" "15.1" "no service template stands for a node that needs one";
    "not-derived" "6.4.2" "a refined type is not derived from the one it refines";
    "not-locked" "6.8" "what is imported is not in the lock file";
    "not-run-yet" "" "something is understood, and not run yet";
    "not-selectable" "15.5.3" "a requirement is mapped to a node that is not selected";
    "not-tosca" "6.1" "a file is no map of keynames";
    "not-utf8" "" "a file is not UTF-8 text";
    "older-words" "6.2" "a file of TOSCA 2.0 is written in words of TOSCA 1.x";
    "optional-for-required" "13.2.3.3" "a required input comes from one that may have no value";
    "overwritten-attribute" "9.9" "an attribute is assigned, and an output goes to it";
    "profile-versions" "6.7.3" "two versions of one profile meet";
    "recursive-alias" "6.3" "an alias is inside of what it stands for";
    "repeated-member" "16.2" "something is in a list twice";
    "requirement-fulfilled" "15.5.4" "a requirement is mapped that has a target";
    "reserved-interface" "11.1" "an interface has the name of the engine's own events";
    "reserved-metadata" "5.3.1" "metadata uses a name that is khutulun's own";
    "reserved-type" "9.1" "a data type of the standard is defined again";
    "several-documents" "6" "a file has more than one YAML document";
    "short-requirement" "8.4" "a requirement definition is in the short form of TOSCA 1.x";
    "single-argument" "10.2.2.1" "a Boolean function of several arguments has one";
    "strange-url" "6.5" "the address of a repository is not a URL";
    "template-in-import" "4.2.1" "an imported file has a service template";
    "template-in-profile" "6.1" "a file that defines a profile has a service template";
    "too-many-aliases" "" "aliases stand for too much";
    "too-many-defaults" "" "defaults that are filled in are too large";
    "too-many-files" "6.8" "imports lead to too many files";
    "too-many-mappings" "15.5.4" "more is mapped to mandatory requirements than there is for sure";
    "too-many-requirements" "8.4" "requirements of a node are too many";
    "two-handlers" "11.4" "two operations are the same event of the engine";
    "unknown-artifact" "12.2" "an operation names an artifact that its node does not have";
    "unknown-attribute" "9.5" "a type has no such attribute";
    "unknown-capability" "8.3" "a node has no such capability";
    "unknown-change" "5.3.1" "a property's metadata names no kind of change";
    "unknown-directive" "7.2.1" "there is no directive of this name";
    "unknown-event" "16.5" "a trigger waits for a notification that does not exist";
    "unknown-function" "10.1" "there is no function of this name";
    "unknown-implementation" "11.8" "an artifact of this type cannot be run";
    "unknown-input" "10.2.1.1" "there is no input of this name";
    "unknown-interface" "11.3" "a node or relationship has no such interface";
    "unknown-keyname" "5.2" "an element has no such keyname";
    "unknown-node-template" "8.5.2" "there is no node template of this name";
    "unknown-notification" "11.2" "an interface has no such notification";
    "unknown-operation" "11.5" "an interface has no such operation";
    "unknown-output" "15.3" "there is no output of this name";
    "unknown-profile" "6.8.2.1" "there is no profile of this name in the catalogue";
    "unknown-property" "9.4" "a type has no such property";
    "unknown-relationship-template" "7.4" "there is no relationship template of this name";
    "unknown-repository" "6.8.1" "there is no repository of this name";
    "unknown-requirement" "8.5" "a type has no such requirement";
    "unknown-step" "13.2.2" "a workflow has no such step";
    "unknown-type" "6.4" "there is no type of this name";
    "unknown-version" "6.2" "a version of TOSCA that does not exist";
    "unknown-workflow" "13.2.3.4" "there is no workflow of this name";
    "unmapped-input" "15.2" "an input gets no value when a template substitutes a node";
    "unreachable-step" "13.2.2" "a step is never reached";
    "unreachable-target" "8.5.2" "a requirement and its target are not in reach of each other";
    "unreadable-file" "" "the file to start with cannot be read";
    "unsupported-checksum" "12.2" "a checksum algorithm is not known here";
    "unsupported-dependency" "11.8" "dependencies of this kind are not supported yet";
    "unsupported-function" "10.2" "a function cannot be called here, or not yet";
    "unsupported-operation" "11.4" "an operation is understood, and cannot be run yet";
    "unsupported-output" "9.9" "an output of an operation is understood, and cannot be stored yet";
    "unsupported-version" "6.2" "a file is of TOSCA 1.x";
    "unusable-name" "" "a name cannot name things on a machine";
    "unused-relationship-template" "7.4" "no requirement names a relationship template";
    "unusual-extension" "12.1" "a file is not named as files of its artifact type are";
    "useless-default" "9.3" "a property that is not required has a default";
    "useless-keyname" "7.2.1" "a keyname has no effect";
    "useless-node-filter" "7.2.1" "a node filter has no effect";
    "version-not-first" "6.1" "the version is not the first keyname of a file";
    "widened-refinement" "6.4.2" "a refinement allows more than what it refines";
    "wrong-arguments" "10.2" "a function is called with arguments that it does not take";
    "wrong-checksum" "12.2" "a file is not the one that its checksum is of";
    "wrong-kind" "5.2" "a value is of the wrong YAML kind";
    "wrong-target" "8.5.2" "the target of a requirement is of the wrong type";
    "wrong-type" "9.1" "a value is not of its type";
};

/// The page about a code, as Markdown; none when there is no such code.
pub fn explain(code: &str) -> Option<&'static str> {
    find(code).map(|code| code.page)
}

/// A code by its name.
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.binary_search_by_key(&code, |known| known.code).ok().map(|index| &CODES[index])
}
