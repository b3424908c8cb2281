use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::VirtualClock;
use crate::clock::Clock;
use crate::run::Elapsed;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn at(millis: u64) -> Elapsed {
    Elapsed::from_millis(millis)
}

#[tokio::test]
async fn time_stands_still_until_it_is_moved() {
    let clock = VirtualClock::new();
    let other = clock.clone();
    assert_eq!(clock.now(), other.now());
    assert_eq!(clock.now().wall.to_string(), "2026-01-01T00:00:00Z");

    let sleeper = tokio::spawn(async move { other.sleep_until(at(1_000)).await });
    clock.until_sleepers(1).await;
    clock.advance(Duration::from_millis(999)).await;
    assert!(!sleeper.is_finished());
    clock.advance(Duration::from_millis(1)).await;
    assert!(sleeper.is_finished());
    assert_eq!(clock.now().wall.to_string(), "2026-01-01T00:00:01Z");
}

#[tokio::test]
async fn a_deadline_that_has_come_does_not_wait() {
    let clock = VirtualClock::new();
    clock.sleep_until(at(0)).await;
    clock.advance(Duration::from_millis(5)).await;
    clock.sleep_until(at(5)).await;
}

#[tokio::test]
async fn a_day_passes_in_milliseconds_when_nothing_else_goes_on() {
    let clock = VirtualClock::auto();
    clock.sleep_until(clock.now().elapsed + DAY).await;
    assert_eq!(clock.now().elapsed.since(at(0)), DAY);
}

#[tokio::test]
async fn it_stands_still_as_long_as_somebody_is_busy_on_another_thread() {
    let clock = VirtualClock::auto();
    let shared: crate::clock::SharedClock = Arc::new(clock.clone());
    let busy = shared.busy();
    let sleeper = tokio::spawn(async move { shared.sleep_until(at(1)).await });
    clock.until_sleepers(1).await;
    // Much longer than the clock waits otherwise.
    crate::clock::pause(20 * super::QUIET).await;
    assert!(!sleeper.is_finished());
    drop(busy);
    sleeper.await.unwrap();
}

/// Sleeps until each deadline in a task of its own, and tells in which order they woke, and when.
async fn order_of_wakers(clock: &VirtualClock, deadlines: &[u64]) -> Vec<(u64, u64)> {
    let woken: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let hold = clock.hold();
    let tasks: Vec<_> = deadlines
        .iter()
        .map(|deadline| {
            let (clock, woken, deadline) = (clock.clone(), Arc::clone(&woken), *deadline);
            tokio::spawn(async move {
                clock.sleep_until(at(deadline)).await;
                let now = clock.now().elapsed.as_millis();
                woken.lock().unwrap().push((deadline, now));
            })
        })
        .collect();
    clock.until_sleepers(deadlines.len()).await;
    drop(hold);
    for task in tasks {
        task.await.unwrap();
    }
    let woken = woken.lock().unwrap();
    woken.clone()
}

#[tokio::test]
async fn sleepers_wake_in_the_order_of_their_deadlines_each_at_its_time() {
    let clock = VirtualClock::auto();
    let woken = order_of_wakers(&clock, &[3_000, 1_000, 2_000, 1_000]).await;
    assert_eq!(woken, [(1_000, 1_000), (1_000, 1_000), (2_000, 2_000), (3_000, 3_000)]);
}

#[tokio::test]
async fn a_long_step_forward_stops_at_every_deadline_also_at_new_ones() {
    let clock = VirtualClock::new();
    let ticker = clock.clone();
    let ticks = tokio::spawn(async move {
        let mut seen = Vec::new();
        for _ in 0..4 {
            ticker.sleep_until(ticker.now().elapsed + Duration::from_secs(1)).await;
            seen.push(ticker.now().elapsed.as_millis());
        }
        seen
    });
    clock.advance(Duration::from_secs(10)).await;
    assert_eq!(ticks.await.unwrap(), [1_000, 2_000, 3_000, 4_000]);
    assert_eq!(clock.now().elapsed, at(10_000));
}

#[tokio::test]
async fn a_sleep_that_is_given_up_leaves_no_deadline() {
    let clock = VirtualClock::auto();
    tokio::select! {
        () = clock.sleep_until(at(5_000)) => panic!("the later deadline won"),
        () = clock.sleep_until(at(1_000)) => {}
    }
    assert_eq!(clock.sleepers(), 0);
    assert_eq!(clock.now().elapsed, at(1_000));
}

#[tokio::test]
async fn a_held_clock_waits_for_work_that_it_cannot_see() {
    let clock = VirtualClock::auto();
    let (hold, worker) = (clock.hold(), clock.clone());
    let work = tokio::task::spawn_blocking(move || {
        let mut sum = 0_u64;
        for number in 0..3_000_000_u64 {
            sum = std::hint::black_box(sum ^ number);
        }
        let seen = worker.now().elapsed;
        drop(hold);
        seen
    });
    clock.sleep_until(at(60_000)).await;
    assert_eq!(work.await.unwrap(), at(0));
}

#[tokio::test]
async fn tasks_that_still_talk_to_each_other_keep_the_clock_from_jumping() {
    let clock = VirtualClock::auto();
    let timeout = clock.clone();
    let timeout = tokio::spawn(async move { timeout.sleep_until(at(1_000)).await });
    for _ in 0..10_000 {
        assert_eq!(clock.now().elapsed, at(0));
        tokio::task::yield_now().await;
    }
    timeout.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_also_jumps_on_a_runtime_with_several_threads() {
    let clock = VirtualClock::auto_after(Duration::from_millis(20));
    let woken = order_of_wakers(&clock, &[3_000, 1_000, 2_000]).await;
    assert_eq!(woken, [(1_000, 1_000), (2_000, 2_000), (3_000, 3_000)]);
}

#[test]
fn a_change_of_the_date_does_not_touch_elapsed_time() {
    let clock = VirtualClock::new();
    let date: Timestamp = "2020-02-29T12:00:00Z".parse().unwrap();
    clock.set_wall(date);
    assert_eq!(clock.now().wall, date);
    assert_eq!(clock.now().elapsed, at(0));
}

#[tokio::test]
async fn ids_are_numbered_and_sort_in_the_order_in_which_they_were_made() {
    let make = async || {
        let clock = VirtualClock::new();
        let mut ids = vec![clock.new_id(), clock.new_id()];
        clock.advance(DAY).await;
        clock.set_wall(Timestamp::UNIX_EPOCH);
        ids.push(clock.new_id());
        ids
    };
    let ids = make().await;
    assert!(ids.is_sorted());
    assert_eq!(ids, make().await, "the same test gives the same ids");
    assert!(ids.iter().all(|id| id.get_version_num() == 7));
}
