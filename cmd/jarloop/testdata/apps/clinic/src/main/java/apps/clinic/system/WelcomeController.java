package apps.clinic.system;

import apps.clinic.owner.Owners;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;

@Controller
class WelcomeController {
    private final Owners owners;

    WelcomeController(Owners owners) {
        this.owners = owners;
    }

    @GetMapping("/")
    String welcome(Model model) {
        model.addAttribute("version", "version 1");
        model.addAttribute("owners", owners.count());
        return "welcome";
    }
}
