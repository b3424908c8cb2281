//! From what a run needs to objects of the cluster. What the cluster makes of them is tested in `tests/tests/pods`.

mod objects;
