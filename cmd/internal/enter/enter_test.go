package enter

import (
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
)

func TestWhatIsEnteredAndWhatIsSaidOtherwise(t *testing.T) {
	c := &config.Config{}
	c.LXC.KeepFailed = true
	all := []deployer.Status{{Service: "a", Generation: "a-2", Failed: "a-3"}, {Service: "b", Failed: "b-1"}, {Service: "c"}}
	for _, test := range []struct {
		service string
		failed  bool
		want    string
	}{
		{"a", false, "a-2"}, {"a", true, "a-3"}, {"b", true, "b-1"},
		{"b", false, "b has no live generation: jarloop status says why, and jarloop enter b --failed looks into what has failed"},
		{"c", false, "c has no live generation; jarloop status says why"},
		{"d", false, "d has no live generation; jarloop status says why"},
	} {
		got, err := choose(c, all, test.service, test.failed)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s, failed %t: %q, want %q", test.service, test.failed, got, test.want)
		}
	}
	if name, err := choose(c, all, "c", true); err == nil {
		t.Errorf("of c, that has not failed, there is %q", name)
	}
}
