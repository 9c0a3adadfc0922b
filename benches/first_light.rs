//! The path from text to processes, layer by layer.

use std::hint::black_box;

use benches::{HELLO_WORLD, compile, deployed, drivers, observe, plan, record};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use floria::Store as _;
use floria_sqlite::SqliteStore;
use khutulun_api::Outcome;

fn frontend(criterion: &mut Criterion) {
    criterion
        .bench_function("compile hello-world", |bencher| bencher.iter(|| compile(black_box(HELLO_WORLD))));
}

fn no_op_deploy(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = deployed(folder.path(), &compile(HELLO_WORLD));
    criterion.bench_function("no-op deploy of hello-world", |bencher| {
        bencher.iter(|| {
            let plan = plan(&compile(black_box(HELLO_WORLD)), &store);
            assert!(plan.is_empty(), "nothing has changed");
            plan
        });
    });
}

fn commit(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = SqliteStore::open(folder.path().join("khutulun.db")).expect("a store can be made");
    let batch = record();
    criterion.bench_function("durable commit of one record", |bencher| {
        bencher.iter(|| store.commit(black_box(&batch)).expect("the store takes a record"));
    });
}

fn plugin_call(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let operation = observe();
    let warm = drivers(folder.path());
    let call = |executor: &khutulun_wasm::WasmExecutor| {
        let outcome = executor.execute_here(black_box(&operation));
        assert!(matches!(outcome, Outcome::Succeeded(_)), "looking succeeds: {outcome:?}");
    };
    criterion.bench_function("plugin call, compiled code in memory", |bencher| bencher.iter(|| call(&warm)));
    // The engine starts and loads compiled code from its cache folder: what the first operation of a command pays.
    criterion.bench_function("plugin call, compiled code on disk", |bencher| {
        bencher.iter_batched(|| drivers(folder.path()), |cold| call(&cold), BatchSize::PerIteration);
    });
    criterion.bench_function("plugin call, nothing compiled", |bencher| {
        bencher.iter_batched(
            || tempfile::tempdir().expect("a folder can be made"),
            |empty| call(&drivers(empty.path())),
            BatchSize::PerIteration,
        );
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = frontend, no_op_deploy, commit, plugin_call
}
criterion_main!(benches);
