package apps;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;

@Path("/")
public class Pages {
    @GET
    public String version() {
        return "version 1";
    }
}
