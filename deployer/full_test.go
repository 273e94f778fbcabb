package deployer

import "testing"

func TestWhatIsFull(t *testing.T) {
	for _, c := range []struct {
		space Space
		want  bool
	}{
		{Space{}, true},
		{Space{Bytes: fewBytes - 1, Files: 1000}, true},
		{Space{Bytes: fewBytes, Files: fewFiles - 1}, true},
		{Space{Bytes: fewBytes, Files: fewFiles}, false},
		{Space{Bytes: fewBytes, NoFiles: true}, false},
		{Space{Bytes: fewBytes - 1, NoFiles: true}, true},
	} {
		if got := c.space.full(); got != c.want {
			t.Errorf("%+v is full: %t", c.space, got)
		}
	}
}
