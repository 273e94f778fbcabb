package incus_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAnAgentReplacesAServiceWithDataOnAClusterWithoutALostRequest has one container of
// it at a time: requests wait, and what fails leaves the data as they were.
func TestAnAgentReplacesAServiceWithDataOnAClusterWithoutALostRequest(t *testing.T) {
	d := newDesk(t, `data = ["/srv/seen"]`, `stop_timeout = "2s"`,
		`exec = "cat version >>/srv/seen/versions && cp pair /tmp/pair && chmod +x /tmp/pair && grep -q back version && exec /tmp/pair"`)
	d.save("back", "back 1\n")
	agent := d.run()
	d.until("back has a container", func() bool { return len(d.members()) == 1 })
	d.save("front", "front 1")
	d.await("front 1, back 1")
	load := d.load()
	d.save("back", "back 2\n")
	d.await("front 1, back 2")
	d.save("back", "one that ends\n")
	d.until("it has failed", func() bool {
		text, err := os.ReadFile(d.said.Name())
		return err == nil && strings.Contains(string(text), `"message":"failed"`)
	})
	d.await("front 1, back 2")
	d.save("back", "back 3\n")
	d.await("front 1, back 3")
	load.stop(t)

	archive := filepath.Join(d.dir, "back.tar")
	if out, status := d.verb("data", "export", "back", archive); status != 0 {
		t.Errorf("export: %d: %s", status, out)
	}
	seen, err := exec.Command("tar", "--extract", "--to-stdout", "--file="+archive, "srv%2Fseen/versions").Output()
	if want := "back 1\nback 2\nback 2\nback 3\n"; err != nil || string(seen) != want { // 2 was started again
		t.Errorf("the data are %q, %v; want %q", seen, err, want)
	}
	if out, status := d.verb("data", "reset", "back", "--yes"); status != 0 {
		t.Errorf("reset: %d: %s", status, out)
	}
	d.await("front 1, back 3")
	d.kill(agent, syscall.SIGINT)
	if out, status := d.verb("clean", "--data"); status != 0 || !strings.Contains(out, "removed data of back") {
		t.Errorf("clean --data: %d: %s", status, out)
	}
	volumes, err := d.client.Volumes(t.Context(), "fast")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes {
		if strings.HasPrefix(v.Name, d.owner+"-") {
			t.Errorf("clean --data leaves the volume %s", v.Name)
		}
	}
}
