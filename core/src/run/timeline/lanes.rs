//! Which spans can share a track.

/// A lane for each span, numbered from 0, so that no two spans of a lane overlap; spans that only touch do not. As few lanes
/// as there are spans at once. A span ends at its start or later.
pub fn lanes(spans: &[(u64, u64)]) -> Vec<usize> {
    let mut order: Vec<_> = (0..spans.len()).collect();
    order.sort_by_key(|at| spans[*at]);
    let mut ends = Vec::<u64>::new();
    let mut lanes = vec![0; spans.len()];
    for at in order {
        let (start, end) = spans[at];
        let lane = ends.iter().position(|end| *end <= start).unwrap_or(ends.len());
        match ends.get_mut(lane) {
            Some(taken) => *taken = end,
            None => ends.push(end),
        }
        lanes[at] = lane;
    }
    lanes
}
