//! Other services than the one that a design is for: what it may select from.

use std::{fs::File, io::BufReader, path::Path};

use floria::{
    Design, Graph, MemoryStore, Namespace, Store, StoreError,
    rules::{Directive, Making, Reach, Selector},
};
use floria_exchange::{Format, ImportOptions};
use floria_resolver::Inventory;

use crate::{error::CliError, exit::Exit, session::Session};

/// Other services, in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct Others(Vec<(Namespace, Graph)>);

impl Others {
    /// Reads the other services of a store, if a design may select from them.
    pub(crate) fn of_store(session: &Session, store: &dyn Store, design: &Design) -> Result<Self, CliError> {
        if !asks(design) {
            return Ok(Self::default());
        }
        Self::read(store, design).map_err(|error| session.store_error(error))
    }

    /// Reads the services of files that `store export` wrote.
    pub(crate) fn of_files<'f>(
        files: impl IntoIterator<Item = &'f Path>,
        design: &Design,
    ) -> Result<Self, CliError> {
        let mut all = Self::default();
        for file in files {
            let failed = |why: &dyn std::error::Error| {
                CliError::new(Exit::Usage, "cannot read the inventory")
                    .place(file.display().to_string())
                    .cause(why)
                    .next("give a file that was made by: khutulun store export --out FILE")
            };
            let store = MemoryStore::new();
            let format = Format::of_path(file).unwrap_or(Format::Yaml);
            let content = BufReader::new(File::open(file).map_err(|error| failed(&error))?);
            floria_exchange::import(&store, format, content, &ImportOptions::default())
                .map_err(|error| failed(&error))?;
            all.0.extend(Self::read(&store, design).map_err(|error| failed(&error))?.0);
        }
        Ok(all)
    }

    fn read(store: &dyn Store, design: &Design) -> Result<Self, StoreError> {
        let others = store.namespaces()?.into_iter().filter(|namespace| *namespace != design.namespace);
        let read = |namespace: Namespace| Ok((namespace.clone(), store.graph(&namespace)?));
        others.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the services with their instances.
    pub(crate) fn into_graphs(self) -> Vec<(Namespace, Graph)> {
        self.0
    }

    /// Returns them as a resolver wants them.
    pub(crate) fn inventory(&self) -> Vec<Inventory<'_>> {
        self.0.iter().map(|(namespace, graph)| Inventory { namespace, graph }).collect()
    }
}

/// Returns whether a design may select from other services. Rules that cannot be read are the resolver's to refuse.
fn asks(design: &Design) -> bool {
    let selects = |making: Making| making.directives.contains(&Directive::Select);
    let leads_out = |selector: Option<Selector>| {
        selector.is_some_and(|selector| selector.reach.contains(&Reach::External))
    };
    design.vertexes.iter().any(|vertex| Making::of(&vertex.rules).is_ok_and(selects))
        || design.edges.iter().any(|edge| Selector::of(&edge.rules).is_ok_and(leads_out))
}
