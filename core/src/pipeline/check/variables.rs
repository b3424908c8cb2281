//! The names that every run defines, and those that only a step's own environment knows.

/// Names with a value in every run.
pub(in crate::pipeline) const BUILT_IN: [&str; 19] = [
    "CI",
    "BUILD_ID",
    "BUILD_NUMBER",
    "RUN_ID",
    "PIPELINE_NAME",
    "JOB_NAME",
    "STAGE_NAME",
    "TASK_NAME",
    "TASK_ATTEMPT",
    "BUILD_URL",
    "WINDLASS_STATUS",
    "CI_COMMIT_SHA",
    "CI_COMMIT_SHORT_SHA",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_TAG",
    "CI_COMMIT_MESSAGE",
    "CI_COMMIT_AUTHOR",
    "CI_REPOSITORY_URL",
    "TRIGGER_KIND",
];

/// Those of them whose value is known before the run has a number.
pub(in crate::pipeline) const KNOWN_EARLY: [&str; 11] = [
    "CI",
    "PIPELINE_NAME",
    "JOB_NAME",
    "CI_COMMIT_SHA",
    "CI_COMMIT_SHORT_SHA",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_TAG",
    "CI_COMMIT_MESSAGE",
    "CI_COMMIT_AUTHOR",
    "CI_REPOSITORY_URL",
    "TRIGGER_KIND",
];

/// Set by the executor for each step. Nobody may set them, and nobody else knows them.
pub(in crate::pipeline) const EXECUTOR_OWN: [&str; 2] = ["WORKSPACE", "WINDLASS_OUTPUT"];

/// Names that only the step's own environment knows.
pub(in crate::pipeline) const STEP_ONLY: [&str; 20] = [
    "WORKSPACE",
    "WINDLASS_OUTPUT",
    "HOME",
    "PATH",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "OLDPWD",
    "TMPDIR",
    "TMP",
    "TEMP",
    "HOSTNAME",
    "LANG",
    "LC_ALL",
    "TERM",
    "TZ",
    "UID",
    "EDITOR",
    "LD_LIBRARY_PATH",
];
