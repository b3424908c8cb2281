//! Keeping secrets out of logs, while these are written.

use aho_corasick::AhoCorasick;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";
/// So much of the beginning of a secret is looked for by the automaton, whose size grows with it; the rest is compared.
const SOUGHT: usize = 32;
/// Lines of a secret of several lines that are shorter than this are not masked by themselves: a lone brace says nothing.
const SHORTEST_LINE: usize = 4;

/// Changes the bytes of a log on their way to the disk.
///
/// It may hold back bytes at the end until it knows what they are. It must be able to begin anew at the first byte that it
/// holds back, with the same result: this is where reading goes on after a crash.
pub trait Masker: Send {
    /// Takes more of the raw log, and appends to `out` what can be released.
    fn mask(&mut self, raw: &[u8], out: &mut Vec<u8>);

    /// The raw log is over: releases the rest.
    fn finish(&mut self, out: &mut Vec<u8>);

    /// How many of the raw bytes it holds back.
    fn held(&self) -> usize;

    /// Whether everything passes as it is. Then the bytes are not copied.
    fn passes_everything(&self) -> bool {
        false
    }
}

/// Lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMask;

impl Masker for NoMask {
    fn mask(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(raw);
    }

    fn finish(&mut self, _out: &mut Vec<u8>) {}

    fn held(&self) -> usize {
        0
    }

    fn passes_everything(&self) -> bool {
        true
    }
}

/// Puts `***` in the place of secrets, wherever chunks of the log end. Where occurrences overlap, all of them are covered
/// by one mask.
pub struct SecretMasker {
    /// In order, without doubles and empty ones.
    patterns: Vec<Vec<u8>>,
    longest: usize,
    /// Finds the beginnings of all patterns in one pass. `None` until it is needed, and after more patterns came.
    finder: Option<AhoCorasick>,
    /// With which bytes patterns begin.
    begin: [bool; 256],
    /// Raw bytes that are not released.
    buffer: Vec<u8>,
    /// How many bytes at the start of the buffer are known to be covered, because the mask began before them.
    covered: usize,
    /// Raw bytes before the buffer that the open mask covers. They need not be kept to be held back.
    dropped: usize,
}

impl SecretMasker {
    /// Masks these values, and each line of those that have several. Empty ones are left out.
    pub fn new(secrets: &[String]) -> Self {
        let mut values: Vec<&[u8]> = Vec::new();
        for secret in secrets.iter().filter(|secret| !secret.trim().is_empty()) {
            values.push(secret.as_bytes());
            if secret.contains('\n') {
                let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
                values.extend(lines.map(str::as_bytes));
            }
        }
        let mut masker = Self {
            patterns: Vec::new(),
            longest: 0,
            finder: None,
            begin: [false; 256],
            buffer: Vec::new(),
            covered: 0,
            dropped: 0,
        };
        masker.learn(values);
        masker
    }

    /// Masks exactly these texts, and nothing else of them. Empty ones are left out.
    pub fn exactly<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut masker = Self::new(&[]);
        masker.add(texts);
        masker
    }

    /// Masks these texts as well, in what is not released yet and from then on.
    pub fn add<T: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = T>) {
        let texts: Vec<T> = texts.into_iter().collect();
        self.learn(texts.iter().map(|text| text.as_ref().as_bytes()).collect());
    }

    fn learn(&mut self, texts: Vec<&[u8]>) {
        self.patterns.extend(texts.into_iter().filter(|text| !text.is_empty()).map(<[u8]>::to_vec));
        self.patterns.sort_unstable();
        self.patterns.dedup();
        self.longest = self.patterns.iter().map(Vec::len).max().unwrap_or(0);
        for pattern in &self.patterns {
            self.begin[usize::from(pattern[0])] = true;
        }
        self.finder = None;
    }

    /// Finds every occurrence of every pattern, overlapping ones as well.
    fn occurrences(&mut self, found: &mut Vec<(usize, usize)>) {
        let finder = self.finder.get_or_insert_with(|| finder(&self.patterns));
        for candidate in finder.find_overlapping_iter(&self.buffer) {
            let pattern = &self.patterns[candidate.pattern().as_usize()];
            let start = candidate.start();
            if pattern.len() <= SOUGHT || self.buffer[start..].starts_with(pattern) {
                found.push((start, start + pattern.len()));
            }
        }
    }

    /// The length of the longest end of the buffer with which an occurrence may begin.
    fn begun_at_end(&self) -> usize {
        let longest = self.buffer.len().min(self.longest.saturating_sub(1));
        (1..=longest).rev().find(|length| self.is_beginning(&self.buffer[self.buffer.len() - length..])).unwrap_or(0)
    }

    /// Whether a pattern begins so, and goes on.
    fn is_beginning(&self, text: &[u8]) -> bool {
        if !self.begin[usize::from(text[0])] {
            return false;
        }
        // Patterns that begin so stand together, the text itself first.
        let at = self.patterns.partition_point(|pattern| pattern.as_slice() <= text);
        self.patterns.get(at).is_some_and(|pattern| pattern.starts_with(text))
    }

    /// The stretches that masks cover, in order, none touching the inside of another.
    fn stretches(&mut self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        if self.covered > 0 {
            found.push((0, self.covered));
        }
        self.occurrences(&mut found);
        found.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in found {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged
    }

    /// Releases the buffer up to `end`, which cuts no stretch.
    fn release(&mut self, stretches: &[(usize, usize)], end: usize, out: &mut Vec<u8>) {
        let mut at = 0;
        for &(start, stop) in stretches.iter().take_while(|stretch| stretch.1 <= end) {
            out.extend_from_slice(&self.buffer[at..start]);
            out.extend_from_slice(MASK);
            at = stop;
        }
        out.extend_from_slice(&self.buffer[at..end]);
        if end > 0 {
            self.buffer.drain(..end);
            self.covered = 0;
            self.dropped = 0;
        }
    }

    /// A mask that goes on and on needs no memory: only its end must be found.
    fn drop_covered(&mut self, stretch: (usize, usize)) {
        let keep = self.longest.min(self.buffer.len());
        let surplus = self.buffer.len() - keep;
        if stretch.0 == 0 && surplus > 0 && stretch.1 > surplus {
            self.buffer.drain(..surplus);
            self.dropped += surplus;
            self.covered = stretch.1 - surplus;
        }
    }
}

impl Masker for SecretMasker {
    fn mask(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        self.buffer.extend_from_slice(raw);
        let stretches = self.stretches();
        let unsure = self.begun_at_end();
        let sure = self.buffer.len() - unsure;
        // A stretch that goes on beyond what is sure may become longer.
        let open = stretches.iter().copied().find(|stretch| stretch.1 > sure);
        let end = open.map_or(sure, |stretch| stretch.0.min(sure));
        self.release(&stretches, end, out);
        if let Some((start, stop)) = open {
            self.drop_covered((start - end, stop - end));
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let stretches = self.stretches();
        self.release(&stretches, self.buffer.len(), out);
    }

    fn held(&self) -> usize {
        self.dropped + self.buffer.len()
    }

    fn passes_everything(&self) -> bool {
        self.patterns.is_empty()
    }
}

impl std::fmt::Debug for SecretMasker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretMasker").field("secrets", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// Finds the beginnings of patterns.
#[expect(
    clippy::expect_used,
    reason = "it fails for 2^31 states or more: so many forms of secrets have no room in memory"
)]
fn finder(patterns: &[Vec<u8>]) -> AhoCorasick {
    let beginnings = patterns.iter().map(|pattern| &pattern[..pattern.len().min(SOUGHT)]);
    AhoCorasick::new(beginnings).expect("fewer than 2^31 states")
}
