use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Clock, ClockOrigin, SavedClock, SystemClock};
use crate::run::Elapsed;

const HOUR: u64 = 3_600_000;

fn date(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
}

fn boottime(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn boot(name: &str) -> Option<String> {
    Some(name.to_owned())
}

/// Saved an hour after the origin, five hours after boot `a`.
fn saved() -> SavedClock {
    SavedClock { boot_id: boot("a"), wall: date(0), boottime: 5 * HOUR, elapsed: Elapsed::from_millis(HOUR) }
}

#[test]
fn the_first_clock_of_a_data_directory_starts_at_zero() {
    let origin = ClockOrigin::resume(None, boot("a"), date(0), boottime(5 * HOUR));
    assert_eq!(origin.elapsed(boottime(5 * HOUR)), Elapsed::from_millis(0));
    assert_eq!(origin.elapsed(boottime(5 * HOUR + 7)), Elapsed::from_millis(7));
}

#[test]
fn in_the_same_boot_a_changed_date_does_not_move_elapsed_time() {
    for moved in [0, i64::try_from(24 * HOUR).unwrap(), -i64::try_from(24 * HOUR).unwrap()] {
        let origin = ClockOrigin::resume(Some(saved()), boot("a"), date(moved), boottime(6 * HOUR));
        assert_eq!(origin.elapsed(boottime(6 * HOUR)), Elapsed::from_millis(2 * HOUR), "date moved by {moved} ms");
    }
}

#[test]
fn after_another_boot_the_date_bridges_the_gap() {
    let origin = ClockOrigin::resume(Some(saved()), boot("b"), date(90_000), boottime(10));
    assert_eq!(origin.elapsed(boottime(10)), Elapsed::from_millis(HOUR + 90_000));
    assert_eq!(origin.elapsed(boottime(15)), Elapsed::from_millis(HOUR + 90_005));
}

#[test]
fn after_another_boot_with_an_earlier_date_it_goes_on_where_it_stood() {
    let origin = ClockOrigin::resume(Some(saved()), boot("b"), date(-90_000), boottime(10));
    assert_eq!(origin.elapsed(boottime(10)), Elapsed::from_millis(HOUR));
}

#[test]
fn where_boots_have_no_id_the_date_decides() {
    let unknown = SavedClock { boot_id: None, ..saved() };
    let origin = ClockOrigin::resume(Some(unknown), None, date(1_000), boottime(9 * HOUR));
    assert_eq!(origin.elapsed(boottime(9 * HOUR)), Elapsed::from_millis(HOUR + 1_000));
}

#[test]
fn a_frozen_container_whose_boot_time_went_back_counts_as_another_boot() {
    let origin = ClockOrigin::resume(Some(saved()), boot("a"), date(1_000), boottime(HOUR));
    assert_eq!(origin.elapsed(boottime(HOUR)), Elapsed::from_millis(HOUR + 1_000));
}

#[test]
fn the_saved_form_is_a_text_that_reads_back() {
    let text = saved().to_string();
    assert_eq!(text.parse::<SavedClock>().unwrap(), saved());
    let error = "{".parse::<SavedClock>().unwrap_err();
    assert!(error.to_string().starts_with("the saved clock cannot be read: "), "{error}");
}

proptest! {
    #[test]
    fn elapsed_time_never_goes_back(
        restarts in prop::collection::vec((0_u8..3, -100_000_i64..100_000, 0_u64..100_000, 0_u64..100_000), 1..20),
    ) {
        let mut saved: Option<SavedClock> = None;
        for (id, wall, since_boot, later) in restarts {
            let id = (id > 0).then(|| id.to_string());
            let origin = ClockOrigin::resume(saved.clone(), id.clone(), date(wall), boottime(since_boot));
            let at_open = origin.elapsed(boottime(since_boot));
            prop_assert!(at_open >= saved.map_or(Elapsed::default(), |saved| saved.elapsed));
            let at_save = origin.elapsed(boottime(since_boot + later));
            prop_assert_eq!(at_save.since(at_open), boottime(later));
            saved = Some(SavedClock { boot_id: id, wall: date(wall), boottime: since_boot + later, elapsed: at_save });
        }
    }
}

#[tokio::test]
async fn the_system_clock_goes_on_from_what_it_saved() {
    let first = SystemClock::resume(None);
    let deadline = first.now().elapsed + Duration::from_millis(20);
    first.sleep_until(deadline).await;
    assert!(first.now().elapsed >= deadline);
    first.sleep_until(Elapsed::from_millis(0)).await;

    let saved = first.saved();
    let second = SystemClock::resume(Some(saved.to_string().parse().unwrap()));
    assert!(second.now().elapsed >= saved.elapsed);
    assert!(second.now().elapsed.since(saved.elapsed) < Duration::from_secs(60));
}

#[test]
fn ids_sort_in_the_order_in_which_they_were_made() {
    let clock = SystemClock::resume(None);
    let ids: Vec<_> = (0..1_000).map(|_| clock.new_id()).collect();
    assert!(ids.is_sorted());
    assert_eq!(ids[0].get_version_num(), 7);
}
