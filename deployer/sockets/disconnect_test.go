package sockets

import (
	"testing"

	"github.com/vishvananda/netlink"
)

// Only what is in use and has its answer is to be opened anew by its client. Times are
// how long ago that was, in ms.
func TestWhatIsAnsweredAndInUseIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		in, out              uint32 // segments of data
		received, sent       uint32
		unread               uint32
		notSent, notAcked    uint32
		wantInUse, wantRests bool
	}{
		"never asked":                       {received: 10, sent: 10},
		"answered":                          {in: 1, out: 1, received: 60, sent: 55, wantInUse: true, wantRests: true},
		"answered long ago":                 {in: 1, out: 1, received: 5000, sent: 4990, wantRests: true},
		"an answer just now":                {in: 1, out: 1, received: 30, sent: 5, wantInUse: true},
		"asked, and no answer yet":          {in: 1, received: 30, sent: 30, wantInUse: true},
		"asked again":                       {in: 2, out: 1, received: 30, sent: 500, wantInUse: true},
		"not read yet":                      {in: 1, out: 1, received: 60, sent: 55, unread: 9, wantInUse: true},
		"the client takes it slowly":        {in: 1, out: 9, received: 60, sent: 55, notSent: 1, wantInUse: true},
		"not with the client yet":           {in: 1, out: 9, received: 60, sent: 55, notAcked: 1, wantInUse: true},
		"events come, long after the ask":   {in: 1, out: 9, received: 1900, sent: 25, wantInUse: true},
		"events came for longer than a use": {in: 1, out: 9, received: 9000, sent: 25},
	} {
		s := &netlink.InetDiagTCPInfoResp{InetDiagMsg: &netlink.Socket{RQueue: c.unread}, TCPInfo: &netlink.TCPInfo{
			Data_segs_in: c.in, Data_segs_out: c.out, Last_data_recv: c.received, Last_data_sent: c.sent,
			Notsent_bytes: c.notSent, Unacked: c.notAcked,
		}}
		if inUse(s) != c.wantInUse || c.wantInUse && rests(s) != c.wantRests {
			t.Errorf("%s: in use: %t, at rest: %t", name, inUse(s), rests(s))
		}
	}
	if inUse(&netlink.InetDiagTCPInfoResp{InetDiagMsg: &netlink.Socket{}}) {
		t.Error("one of which the kernel tells nothing is taken for one in use")
	}
}
