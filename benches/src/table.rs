//! What is found, and how it is printed.

use serde::{Deserialize, Serialize};

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// Milliseconds, mebibytes …
    pub(crate) unit: String,
    /// What the floor is.
    pub(crate) floor_name: String,
    /// What the machine needs without an engine; `None` where there is nothing to compare with.
    pub(crate) floor: Option<f64>,
    /// What Windlass needs; `None` when it could not be measured, and then the note says why.
    pub(crate) measured: Option<f64>,
    /// The figure to beat.
    pub(crate) target: Option<f64>,
    /// What else is worth knowing.
    pub(crate) note: String,
}

impl Row {
    /// A row of times, in milliseconds.
    pub(crate) fn millis(work: impl Into<String>, floor_name: impl Into<String>, floor: f64, measured: f64) -> Self {
        Self {
            work: work.into(),
            unit: "ms".to_owned(),
            floor_name: floor_name.into(),
            floor: Some(floor),
            measured: Some(measured),
            target: None,
            note: String::new(),
        }
    }

    /// A row of memory, in mebibytes.
    pub(crate) fn mebibytes(work: impl Into<String>, measured: Option<f64>) -> Self {
        Self {
            work: work.into(),
            unit: "MiB".to_owned(),
            floor_name: String::new(),
            floor: None,
            measured,
            target: None,
            note: String::new(),
        }
    }

    /// The figure to beat.
    pub(crate) fn target(mut self, target: f64) -> Self {
        self.target = Some(target);
        self
    }

    /// What else is worth knowing.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn cells(&self) -> [String; 6] {
        let number = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{} {}", digits(value), self.unit))
        };
        let ratio = match (self.floor, self.measured) {
            (Some(floor), Some(measured)) if floor > 0.0 => format!("{:.2}", measured / floor),
            _ => "-".to_owned(),
        };
        let target = match (self.target, self.measured) {
            (Some(target), Some(measured)) if measured <= target => format!("{} met", digits(target)),
            (Some(target), Some(_)) => format!("{} MISSED", digits(target)),
            (Some(target), None) => digits(target),
            (None, _) => "-".to_owned(),
        };
        let floor =
            if self.floor.is_some() { format!("{} ({})", number(self.floor), self.floor_name) } else { "-".to_owned() };
        [self.work.clone(), floor, number(self.measured), ratio, target, self.note.clone()]
    }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The table, as Markdown.
pub(crate) fn draw(rows: &[Row]) -> String {
    let head = ["work", "floor", "Windlass", "ratio", "to beat", "note"].map(str::to_owned);
    let cells: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for (at, row) in cells.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            text += &format!("| {cell:<width$} ");
        }
        text += "|\n";
        if at == 0 {
            for width in widths {
                text += &format!("|{}", "-".repeat(width + 2));
            }
            text += "|\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_the_ratio_and_whether_the_figure_was_beaten() {
        let met = Row::millis("100 steps", "fork", 0.5, 0.75).target(1.2);
        assert_eq!(met.cells()[1..5], ["0.500 ms (fork)", "0.750 ms", "1.50", "1.20 met"]);
        let missed = Row::mebibytes("growth", Some(20.0)).target(16.0).note("why");
        assert_eq!(missed.cells()[1..], ["-", "20.0 MiB", "-", "16.0 MISSED", "why"]);
        assert!(draw(&[met, missed]).lines().count() == 4);
    }
}
