package apps.clinic.system;

import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;

@Controller
class CrashController {
    @GetMapping("/oops")
    String crash() {
        throw new IllegalStateException("expected: shows what is answered when something fails");
    }
}
