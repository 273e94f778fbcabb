package page

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
)

// patience is how long an answer may take that is no stream and no act.
const patience = 30 * time.Second

type failure struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, r *refusal) {
	switch r.status {
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "60")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	reply(w, r.status, failure{r.text})
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encoded(value)) // the client may have gone
}

// decode reads a request; if it cannot, that is answered.
func decode(w http.ResponseWriter, r *http.Request, to any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(to)
	if err == nil && decoder.More() {
		err = errors.New("there is more than one value")
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, &refusal{http.StatusRequestEntityTooLarge, "the request is too large"})
	case err != nil:
		refuse(w, &refusal{http.StatusBadRequest, "the request is not understood: " + plain(err.Error())})
	}
	return err == nil
}

// failed answers what the agent could not do.
func failed(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var input control.InputError
	if errors.As(err, &input) {
		status = http.StatusBadRequest
	}
	refuse(w, &refusal{status, plain(err.Error())})
}

// encoded gives a value as JSON, in which "<" and the like are written out.
func encoded(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`{"error":` + strconv.Quote("cannot be shown: "+err.Error()) + `}`)
	}
	return text
}
