from tests.chromium import browser as browser
