//! Where things are in a container, and what its scripts know of that.

use crate::executor::shell::quoted;
use crate::run::RunId;

/// What must be mounted into a container, and how the container is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::executor) struct Place {
    /// The static busybox of the helper image.
    pub(in crate::executor) busybox: String,
    /// The folder of states, one for all containers of the run, in which every user of the run may make files.
    pub(in crate::executor) states: String,
    /// A folder in memory, in which every user of the container may make files. Secret files of steps are there while these run.
    pub(in crate::executor) secrets: String,
    /// The workspace.
    pub(in crate::executor) workspace: String,
    /// A name that no other container of the run had or will have. ASCII letters, digits, `-`, `.`.
    pub(in crate::executor) name: String,
    /// The run.
    pub(in crate::executor) run: RunId,
}

const PROCESSES: &str = include_str!("processes.sh");
const SHIM: &str = include_str!("shim.sh");
const LAUNCHER: &str = include_str!("launcher.sh");

impl Place {
    /// What a container runs to stay there and to reap what loses its parents. As root it lets other users of the run write. It
    /// ends at the signal, with the exit code of that: a cluster takes a pod whose containers end well for one that is done, and
    /// forgets why it ended them. It ends as well when nobody renewed the lease for so many minutes and no step runs.
    pub(in crate::executor) fn idle(&self, lease_minutes: u32) -> Vec<String> {
        self.idle_with(lease_minutes, "60")
    }

    /// The same for a container whose standard streams are attached before it starts: there a first launcher listens, which needs
    /// no exec. It ends with its input.
    #[cfg_attr(not(feature = "docker"), expect(dead_code, reason = "only Docker attaches to containers"))]
    pub(in crate::executor) fn idle_attended(&self, lease_minutes: u32) -> Vec<String> {
        // What is put into the background would ignore SIGINT, and so would its steps: see `begin` of the launcher.
        let launcher = format!(
            "exec 3<&0 4>&1 5>&2 0</dev/null
(
  {{ read -r w_me w_x; }} </proc/self/stat
  {} sh -s <&3 >&4 2>&5 3<&- 4>&- 5>&- | kill -KILL \"$w_me\"
) 2>/dev/null
exec 3<&- 4>&- 5>&-
",
            quoted(&self.busybox)
        );
        self.idling(lease_minutes, "60", &launcher)
    }

    /// The same as [`idle`](Self::idle) with another length of its sleeps, in seconds: after ten of them it looks at the lease.
    pub(in crate::executor) fn idle_with(&self, lease_minutes: u32, seconds: &str) -> Vec<String> {
        self.idling(lease_minutes, seconds, "")
    }

    fn idling(&self, lease_minutes: u32, seconds: &str, launcher: &str) -> Vec<String> {
        let (states, workspace) = (quoted(&self.states), quoted(&self.workspace));
        // The modes are for other users of the run, and only root can set them.
        let text = format!(
            "trap 'exit 143' TERM INT
{busybox} chmod 1777 {states}
{busybox} chmod 777 {workspace}
{launcher}read -r w_host </proc/sys/kernel/hostname
w_ticks=0
while :; do
  {busybox} sleep {seconds} & wait $!
  w_ticks=$((w_ticks + 1))
  [ $((w_ticks % 10)) = 0 ] || continue
  [ -z \"$({busybox} find {states} -name lease.$w_host -mmin -{lease_minutes} 2>/dev/null)\" ] || continue
  set -- /proc/[0-9]*
  [ $# -gt 3 ] || exit 0
done
",
            busybox = quoted(&self.busybox)
        );
        vec![self.busybox.clone(), "sh".to_owned(), "-c".to_owned(), text]
    }

    /// The program of a launcher, which reads its text from its standard input.
    pub(super) fn launcher(&self) -> Vec<String> {
        [&self.busybox, "sh", "-s"].map(str::to_owned).to_vec()
    }

    /// What a launcher is told first.
    pub(super) fn program(&self) -> String {
        let prelude = self.prelude();
        let shim = format!("{prelude}{}{}", without_comments(PROCESSES), without_comments(SHIM));
        format!("{prelude}w_shim={}\n{}{}", quoted(&shim), without_comments(PROCESSES), without_comments(LAUNCHER))
    }

    fn prelude(&self) -> String {
        format!(
            "w_b={} w_s={} w_t={} w_h={} w_run={}\n",
            quoted(&self.busybox),
            quoted(&self.states),
            quoted(&self.secrets),
            quoted(&self.name),
            quoted(&self.run.to_string())
        )
    }
}

/// The shell would read them anew for each step.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(|line| [line, "\n"]).collect()
}
