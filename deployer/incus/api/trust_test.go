package api

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// token is what a cluster prints that is reached at these addresses.
func token(t *testing.T, fingerprint string, expires time.Time, addresses ...string) Token {
	t.Helper()
	text, err := json.Marshal(Token{Name: "anna", Fingerprint: fingerprint, Addresses: addresses, Secret: "secret", Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseToken("\n" + base64.StdEncoding.EncodeToString(text) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestATokenIsShownToItsClusterAlone(t *testing.T) {
	refused, shown := false, 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked map[string]string
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path != "/1.0/certificates" || asked["type"] != "client" || len(r.TLS.PeerCertificates) != 1 {
			t.Errorf("%s is asked with %v, %v", r.URL.Path, asked, err)
		}
		if _, err := ParseToken(asked["trust_token"]); err == nil {
			shown++
		}
		if refused {
			w.WriteHeader(http.StatusForbidden)
			reply(w, "error", nil)
			return
		}
		reply(w, "sync", nil)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	own, here := server.TLS.Certificates[0], strings.TrimPrefix(server.URL, "https://")
	sum := sha256.Sum256(server.Certificate().Raw)
	right := hex.EncodeToString(sum[:])

	address, cluster, err := token(t, strings.ToUpper(right), time.Time{}, "127.0.0.1:1", here).Join(t.Context(), own)
	if err != nil || address != server.URL || !cluster.Equal(server.Certificate()) || shown != 1 {
		t.Errorf("%s, %v; it is shown %d times", address, err, shown)
	}
	for _, test := range []struct {
		name, want string
		token      Token
	}{
		{"another cluster", "and the token is for 00", token(t, "00", time.Time{}, here)},
		{"a token that has expired", "has expired", token(t, right, time.Now().Add(-time.Minute), here)},
		{"nobody there", "connection refused", token(t, right, time.Now().Add(time.Minute), "127.0.0.1:1")},
	} {
		if _, _, err := test.token.Join(t.Context(), own); err == nil || !strings.Contains(err.Error(), test.want) || shown != 1 {
			t.Errorf("%s: %v; it is shown %d times", test.name, err, shown)
		}
	}
	refused = true
	if _, _, err := token(t, right, time.Time{}, here, here).Join(t.Context(), own); !IsForbidden(err) || shown != 2 {
		t.Errorf("a token that was used: %v; it is shown %d times", err, shown)
	}
	for _, text := range []string{"", "secret", base64.StdEncoding.EncodeToString([]byte("{}"))} {
		if _, err := ParseToken(text); err == nil {
			t.Errorf("%q is a token", text)
		}
	}
}
