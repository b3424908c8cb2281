//! Who changed what, and listings, as pages get them.

use serde_json::{Value, json};

use super::kit::{Kept, World, document, over_each_store};
use crate::engine::RunRequest;
use crate::run::RunStatus;
use crate::store::{AuditFilter, PipelineFilter, RunFilter};

over_each_store!(every_change_says_who_made_it, the_audit_trail_is_read_in_pages, listings_are_json_for_pages,);

/// An RFC 3339 time in UTC with milliseconds, such as `2026-01-01T00:00:00.000Z`.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 24 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

async fn every_change_says_who_made_it(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    world.pipelines().copy("web", "api", "ben").await.unwrap();
    let run = world.pipelines().run("web", RunRequest::manual().actor("cleo")).await.unwrap();
    run.wait().await.unwrap();
    run.delete("dora").await.unwrap();

    let entries = world.engine.audit(&AuditFilter::default()).await.unwrap();
    let mut said = Vec::new();
    let mut positions = Vec::new();
    for entry in &entries {
        let mut json = serde_json::to_value(entry).unwrap();
        assert!(is_time(&json["time"]), "{json}");
        let fields = json.as_object_mut().unwrap();
        fields.remove("time");
        positions.push(fields.remove("position").unwrap().as_u64().unwrap());
        said.push(json);
    }
    let run = run.id().to_string();
    let expected = [
        json!({"by": "dora", "type": "runDeleted", "run": run, "pipeline": "web", "number": 1, "reason": ""}),
        json!({"by": "cleo", "type": "runRequested", "run": run, "pipeline": "web", "number": 1}),
        json!({"by": "ben", "type": "pipelineCreated", "pipeline": "api", "version": 1, "copiedFrom": "web"}),
        json!({"by": "ana", "type": "pipelineCreated", "pipeline": "web", "version": 1}),
    ];
    assert_eq!(said, expected);
    assert!(positions.is_sorted_by(|a, b| a > b), "{positions:?}");
    world.engine.close().await.unwrap();
}

async fn the_audit_trail_is_read_in_pages(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    for name in ["a", "b", "c", "d", "e"] {
        world.pipelines().create_new(name, if name < "c" { "ana" } else { "ben" }).await.unwrap();
    }
    let mut filter = AuditFilter { limit: 2, ..AuditFilter::default() };
    let mut names = Vec::new();
    loop {
        let page = world.engine.audit(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.before = Some(last.position);
        names.extend(page.iter().map(|entry| entry.entry.change.pipeline().unwrap().to_owned()));
    }
    assert_eq!(names, ["e", "d", "c", "b", "a"]);
    let of_ana = AuditFilter { by: Some("ana".to_owned()), ..AuditFilter::default() };
    assert_eq!(world.engine.audit(&of_ana).await.unwrap().len(), 2);
    let of_c = AuditFilter { pipeline: Some("c".to_owned()), ..AuditFilter::default() };
    assert_eq!(world.engine.audit(&of_c).await.unwrap().len(), 1);
    world.engine.close().await.unwrap();
}

async fn listings_are_json_for_pages(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let request = RunRequest::triggered_by("schedule").actor("cron");
    let run = world.pipelines().run("web", request).await.unwrap();
    run.wait().await.unwrap();
    let listing = world.engine.runs(&RunFilter::default()).await.unwrap().remove(0);
    assert_eq!((listing.status(), listing.trigger.as_str()), (RunStatus::Succeeded, "schedule"));
    let json = serde_json::to_value(&listing).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "id",
        "pipeline",
        "number",
        "status",
        "trigger",
        "actor",
        "rerunOf",
        "created",
        "started",
        "finished",
        "durationMs",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&json["status"], &json["actor"], &json["number"]), (&json!("succeeded"), &json!("cron"), &json!(1)));
    for time in ["created", "started", "finished"] {
        assert!(is_time(&json[time]), "{json}");
    }
    assert_eq!(json["durationMs"].as_u64(), listing.duration_ms());
    assert_eq!(json["rerunOf"], Value::Null);

    let listed = world.pipelines().list(&PipelineFilter::default()).await.unwrap();
    let mut json = serde_json::to_value(&listed).unwrap();
    let fields = json[0].as_object_mut().unwrap();
    assert!(fields.remove("created").is_some_and(|time| is_time(&time)));
    assert!(fields.remove("changed").is_some_and(|time| is_time(&time)));
    assert_eq!(json, json!([{"name": "web", "version": 1, "active": true, "changedBy": "ana"}]));
    let stored = serde_json::to_value(world.pipelines().get("web").await.unwrap()).unwrap();
    assert_eq!((&stored["changedBy"], &stored["definition"]["name"]), (&json!("ana"), &json!("web")));
    world.engine.close().await.unwrap();
}

/// Beside a running engine, as another process would.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_reader_reads_the_audit_trail_beside_the_engine() {
    let world = World::open(Kept::OnDisk, |executor| executor).await;
    let reader = crate::Reader::open(world.data_dir()).unwrap();
    world.pipelines().create_new("web", "ana").await.unwrap();
    let seen = reader.audit(&AuditFilter::default()).await.unwrap();
    assert_eq!(seen, world.engine.audit(&AuditFilter::default()).await.unwrap());
    assert_eq!(seen.len(), 1);
    world.engine.close().await.unwrap();
}
