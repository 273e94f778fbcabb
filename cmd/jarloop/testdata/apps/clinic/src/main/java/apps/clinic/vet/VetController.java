package apps.clinic.vet;

import java.util.List;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.ResponseBody;

@Controller
class VetController {
    private final Vets vets;

    VetController(Vets vets) {
        this.vets = vets;
    }

    @GetMapping("/vets.html")
    String page(Model model) {
        model.addAttribute("vets", vets.findAllByOrderByLastName());
        return "vets/list";
    }

    @GetMapping("/vets")
    @ResponseBody
    List<Vet> all() {
        return vets.findAllByOrderByLastName();
    }
}
