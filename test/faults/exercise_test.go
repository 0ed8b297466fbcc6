package faults

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// block is a command of a document.
var block = regexp.MustCompile("(?s)```bash\n(.*?)```")

// compared is what the exercise prints, and nodeCounts its end.
var (
	compared   = regexp.MustCompile(`(?m)^answered (\d+), lost with the node (\d+), served (\d+), counted (\d+)$`)
	nodeCounts = regexp.MustCompile(`(?m)^node \d+ counts (\d+)$`)
)

// The kill exercise does what docs/kill-exercise.md says, as it stands there but for the ports.
func TestKillExercise(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/kill-exercise.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, m := range block.FindAllSubmatch(doc, -1) {
		script.Write(m[1])
	}
	path := exercisePath(t)
	dir := exerciseFolder(t)
	home := &node.Home{T: t, Dir: dir, Env: map[string]string{}, Command: "bash"}
	// In a terminal a person may write where the database may, too.
	p := home.Start(inFolder(exec.Command("bash", "-c", "umask 0; set -x; "+freePorts(t, script.String())), dir), "PATH="+path+":"+os.Getenv("PATH"))
	select {
	case <-p.Exited():
	case <-time.After(exercisePatience):
		logs, _ := filepath.Glob(filepath.Join(dir, "kill-exercise", "node-*.log"))
		for _, path := range logs {
			log, _ := os.ReadFile(path)
			t.Logf("%s: %s", filepath.Base(path), log[max(0, len(log)-4000):])
		}
		t.Fatalf("the exercise does not end; the last of what it did:\n%s", p.Log.String())
	}
	if code := p.AwaitExit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	out := p.Out.String()
	t.Log(out)

	m := compared.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("the exercise compares nothing:\n%s\n%s", out, p.Log.String())
	}
	answered, lost, served, counted := number(t, m[1]), number(t, m[2]), number(t, m[3]), number(t, m[4])
	// The provider is asked when the reservation is committed, and fails nobody: what it has served is counted.
	if answered < 1 || answered > served || served > counted || counted > 100 || counted-answered > lost {
		t.Errorf("%s: want every answered request served, every served one counted, no more than a hundred, and beyond those that were answered none but of the lost", m[0])
	}
	ends := nodeCounts.FindAllStringSubmatch(out, -1)
	if len(ends) != 3 {
		t.Errorf("%d nodes say what they count, want three", len(ends))
	}
	for _, end := range ends {
		if end[1] != "100" {
			t.Errorf("%s, want 100", end[0])
		}
	}
	answers, err := os.ReadFile(filepath.Join(dir, "kill-exercise", "answers.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Count(string(answers), "200\n"); all+counted-answered != 100 {
		t.Errorf("%d answered in all, and %d counted that were not, want a hundred together", all, counted-answered)
	}
}

// exercisePatience: the exercise waits for half a minute itself, on a machine that may be busy.
const exercisePatience = 5 * time.Minute

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func inFolder(cmd *exec.Cmd, dir string) *exec.Cmd {
	cmd.Dir = dir
	return cmd
}

// exercisePath has the programs that the exercise needs of this repository, and those of PostgreSQL.
func exercisePath(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	if err := os.Symlink(command, filepath.Join(bin, "airatelimit")); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "provider"), "../provider")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the provider: %v\n%s", err, out)
	}
	return bin + string(os.PathListSeparator) + pgtest.Path(t)
}

// leftover ends what the exercise has started, as soon as its standard input ends.
const leftover = `cat >/dev/null
cd "$1/kill-exercise" && for file in node-*.pid provider.pid; do kill -9 "$(cat "$file")" 2>/dev/null; done
pid=$(head -n 1 db/postmaster.pid 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
for try in $(seq 100); do [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
rm -rf "$1"`

// exerciseFolder is a folder that everybody may write to. What runs there ends with the test, or with the test binary.
func exerciseFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "exercise-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", leftover, "leftover", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = alive.Close()
		_ = cmd.Wait()
	})
	return dir
}

// freePorts puts ports in the place of those of the document.
func freePorts(t *testing.T, script string) string {
	t.Helper()
	for _, ports := range [][]int{{5599}, {4599}, {3591, 3592, 3593}} {
		first := consecutive(t, len(ports))
		for i, port := range ports {
			script = strings.ReplaceAll(script, strconv.Itoa(port), strconv.Itoa(first+i))
		}
	}
	return script
}

// consecutive returns the first of so many ports that nobody listens on. They are below those that systems give to
// connections and to listeners without a choice, which somebody else could get before they are used.
func consecutive(t *testing.T, n int) (first int) {
	t.Helper()
	for range 100 {
		first = 10_000 + rand.IntN(20_000)
		free := 0
		for free < n {
			ln, err := net.Listen("tcp", fmt.Sprintf(":%d", first+free))
			if err != nil {
				break
			}
			_ = ln.Close()
			free++
		}
		if free == n {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}
