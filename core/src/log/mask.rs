//! Keeping secrets out of logs, while these are written.

use memchr::memmem::Finder;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";
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
    patterns: Vec<Pattern>,
    longest: usize,
    /// Raw bytes that are not released.
    buffer: Vec<u8>,
    /// How many bytes at the start of the buffer are known to be covered, because the mask began before them.
    covered: usize,
    /// Raw bytes before the buffer that the open mask covers. They need not be kept to be held back.
    dropped: usize,
}

struct Pattern {
    bytes: Vec<u8>,
    finder: Finder<'static>,
    /// For each length of a matched beginning, the length of its longest proper beginning that is also its end.
    fallback: Vec<usize>,
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
        values.sort_unstable();
        values.dedup();
        let longest = values.iter().map(|value| value.len()).max().unwrap_or(0);
        let patterns = values.into_iter().map(Pattern::new).collect();
        Self { patterns, longest, buffer: Vec::new(), covered: 0, dropped: 0 }
    }

    /// Masks exactly these texts, and nothing else of them. Empty ones are left out.
    pub fn exactly<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut masker = Self::new(&[]);
        masker.add(texts);
        masker
    }

    /// Masks these texts as well, in what is not released yet and from then on.
    pub fn add<T: AsRef<str>>(&mut self, texts: impl IntoIterator<Item = T>) {
        for text in texts {
            let bytes = text.as_ref().as_bytes();
            if !bytes.is_empty() && self.patterns.iter().all(|pattern| *pattern.bytes != *bytes) {
                self.patterns.push(Pattern::new(bytes));
                self.longest = self.longest.max(bytes.len());
            }
        }
    }

    /// The stretches that masks cover, in order, none touching the inside of another.
    fn stretches(&self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        if self.covered > 0 {
            found.push((0, self.covered));
        }
        for pattern in &self.patterns {
            pattern.occurrences(&self.buffer, |start| found.push((start, start + pattern.bytes.len())));
        }
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
        let unsure = self.patterns.iter().map(|pattern| pattern.begun_at_end(&self.buffer)).max().unwrap_or(0);
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

impl Pattern {
    fn new(bytes: &[u8]) -> Self {
        let mut fallback = vec![0; bytes.len() + 1];
        let mut matched = 0;
        for end in 1..bytes.len() {
            while matched > 0 && bytes[matched] != bytes[end] {
                matched = fallback[matched];
            }
            matched += usize::from(bytes[matched] == bytes[end]);
            fallback[end + 1] = matched;
        }
        Self { bytes: bytes.to_vec(), finder: Finder::new(bytes).into_owned(), fallback }
    }

    /// How much of the pattern is matched after one more byte.
    fn step(&self, mut matched: usize, byte: u8) -> usize {
        if matched == self.bytes.len() {
            matched = self.fallback[matched];
        }
        while matched > 0 && self.bytes[matched] != byte {
            matched = self.fallback[matched];
        }
        matched + usize::from(self.bytes[matched] == byte)
    }

    /// Finds every occurrence, overlapping ones as well: fast up to the first one, then byte by byte while another one
    /// may have begun in it.
    fn occurrences(&self, text: &[u8], mut found: impl FnMut(usize)) {
        let mut at = 0;
        while let Some(start) = self.finder.find(&text[at..]).map(|start| start + at) {
            found(start);
            at = start + self.bytes.len();
            let mut matched = self.fallback[self.bytes.len()];
            while matched > 0 && at < text.len() {
                matched = self.step(matched, text[at]);
                at += 1;
                if matched == self.bytes.len() {
                    found(at - matched);
                }
            }
        }
    }

    /// The length of the longest end of the text with which an occurrence may begin.
    fn begun_at_end(&self, text: &[u8]) -> usize {
        let tail = &text[text.len().saturating_sub(self.bytes.len() - 1)..];
        tail.iter().fold(0, |matched, byte| self.step(matched, *byte))
    }
}
