//! Rows to values and back.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::checksum;
use super::failure::Failure;
use crate::run::{Elapsed, Now, RunId, RunStatus, Seq};
use crate::store::{RunDigest, RunListing, StoreError};

/// A row of `runs`.
pub(super) struct RunRow {
    pub(super) key: i64,
    pub(super) listing: RunListing,
}

/// The columns of `runs` as [`RunRow::read`] wants them.
pub(super) const COLUMNS: &str = "key, id, number, pipeline, trigger_kind, created_wall, created_elapsed, status, \
    started_wall, started_elapsed, finished_wall, finished_elapsed, released, last_seq, crc, actor, rerun_of";

/// The run with this id.
pub(super) fn find(db: &Connection, run: RunId) -> Result<Option<RunRow>, Failure> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE id = ?1"))?;
    let found = statement.query_row([run.get().as_bytes()], |row| Ok(RunRow::read(row))).optional()?;
    found.transpose()
}

impl RunRow {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, Failure> {
        let id = id_of(row.get(1)?);
        let status: String = row.get(7)?;
        let status = parse_status(&status)
            .ok_or_else(|| Failure::Damaged(format!("the entry of run {id} has the unknown state {status:?}")))?;
        let digest = RunDigest {
            status,
            started: optional_moment(row.get(8)?, row.get(9)?)?,
            finished: optional_moment(row.get(10)?, row.get(11)?)?,
            released: row.get(12)?,
        };
        let listing = RunListing {
            id,
            number: unsigned(row.get(2)?)?,
            pipeline: row.get(3)?,
            trigger: row.get(4)?,
            actor: row.get(15)?,
            rerun_of: row.get::<_, Option<[u8; 16]>>(16)?.map(id_of),
            created: moment(row.get(5)?, row.get(6)?)?,
            digest,
            last: Seq(unsigned(row.get(13)?)?),
        };
        checksum::of_listing(&listing).expect(row.get(14)?, || format!("the entry of run {id}"))?;
        Ok(Self { key: row.get(0)?, listing })
    }
}

/// An id from its 16 bytes.
pub(super) fn id_of(bytes: [u8; 16]) -> RunId {
    RunId::new(Uuid::from_bytes(bytes))
}

fn parse_status(word: &str) -> Option<RunStatus> {
    use RunStatus as Status;
    let all = [Status::Queued, Status::Running, Status::Succeeded, Status::Failed, Status::Cancelled, Status::TimedOut];
    all.into_iter().find(|status| status.as_str() == word)
}

/// Nanoseconds since 1970 in 64 bits: from 1677 to 2262.
fn wall(now: Now) -> Result<i64, Failure> {
    let nanoseconds = now.wall.as_nanosecond();
    i64::try_from(nanoseconds).map_err(|_| {
        let why = "dates before 1677 and after 2262 cannot be stored: set the machine's clock".to_owned();
        StoreError::Io { doing: format!("storing the date {}", now.wall), why }.into()
    })
}

/// A number as SQLite has it.
pub(super) fn signed(number: u64) -> Result<i64, Failure> {
    i64::try_from(number).map_err(|_| {
        let why = "numbers go up to 2^63 - 1".to_owned();
        StoreError::Io { doing: format!("storing the number {number}"), why }.into()
    })
}

/// A number that was never negative.
pub(super) fn unsigned(number: i64) -> Result<u64, Failure> {
    u64::try_from(number).map_err(|_| Failure::Damaged(format!("there is the negative number {number}")))
}

/// A moment from its two columns.
pub(super) fn moment(wall: i64, elapsed: i64) -> Result<Now, Failure> {
    let wall = Timestamp::from_nanosecond(i128::from(wall))
        .map_err(|error| Failure::Damaged(format!("there is a date that cannot be: {error}")))?;
    Ok(Now { wall, elapsed: Elapsed::from_millis(unsigned(elapsed)?) })
}

fn optional_moment(wall: Option<i64>, elapsed: Option<i64>) -> Result<Option<Now>, Failure> {
    match (wall, elapsed) {
        (Some(wall), Some(elapsed)) => moment(wall, elapsed).map(Some),
        (None, None) => Ok(None),
        _ => Err(Failure::Damaged("there is half a date".to_owned())),
    }
}

/// A moment as its two columns.
pub(super) fn columns(now: Now) -> Result<(i64, i64), Failure> {
    Ok((wall(now)?, signed(now.elapsed.as_millis())?))
}

/// The columns of a moment that may be missing.
pub(super) fn optional_columns(now: Option<Now>) -> Result<(Option<i64>, Option<i64>), Failure> {
    Ok(now.map(columns).transpose()?.unzip())
}

/// What was written as JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(text: &[u8], what: impl FnOnce() -> String) -> Result<T, Failure> {
    serde_json::from_slice(text).map_err(|error| {
        let what = what();
        Failure::Damaged(format!(
            "{what} is one that this version does not know ({error}); perhaps a newer Windlass wrote it"
        ))
    })
}
