package page

import (
	"net/http"
)

type sessionRequest struct {
	Token string `json:"token"`
}

type session struct {
	Key string `json:"key"`
}

// signIn takes the token for a cookie and a key.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") == "" {
		refuse(w, &refusal{http.StatusForbidden, "it is not said which page asks for this"})
		return
	}
	var request sessionRequest
	if !decode(w, r, &request) {
		return
	}
	now := s.door.now.Load()
	if !same(request.Token, now.token) {
		refuse(w, s.door.wrong("the token is wrong: jarloop page prints the right one", http.StatusForbidden))
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: now.name, Value: now.cookie, Path: "/api/", MaxAge: int(cookieLasts.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	reply(w, http.StatusOK, session{now.key})
}

// signOut has the browser forget the cookie.
func (s *Server) signOut(w http.ResponseWriter, _ *http.Request) {
	http.SetCookie(w, &http.Cookie{
		Name: s.door.now.Load().name, Path: "/api/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}
