package apps;

public class Words {
    public static final String PREFIX = "";
}
